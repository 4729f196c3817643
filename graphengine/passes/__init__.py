"""Passes: what a plan decides before it runs, one decision per file; none of them knows a cell."""
