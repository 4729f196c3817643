"""Layouts: where things stand. Everything here knows sizes and neighbours, and nothing of graphs."""
