"""The benchmarks: what the servers and the peers can do, and what this system makes of it, measured in one run."""
