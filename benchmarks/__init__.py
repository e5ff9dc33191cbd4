"""Measurements, each a module that `python -m benchmarks NAME` runs: parity first, then time."""
