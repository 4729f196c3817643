"""One peer per file, found by looking, not by listing."""
