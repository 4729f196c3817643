"""Charts: what a trace says about all steps at once, as arrays and as pictures that matplotlib paints."""
