"""Speed, measured: ours against every peer that is installed. `python -m benchmarks` prints the tables."""
