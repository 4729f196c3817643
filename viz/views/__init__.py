"""The views: each reads a model, asks a layout for places, and returns a picture."""
