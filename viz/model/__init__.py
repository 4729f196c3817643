"""The model: a graph or a trace read into what can be drawn, before anything has a place."""
