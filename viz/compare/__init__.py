"""Comparing two graphs: which nodes are the same, what else differs, and how both stand in one picture."""
