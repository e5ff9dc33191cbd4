"""Measurements, each a command that `python -m benchmarks NAME` runs: parity first, then time."""
