"""Exports on this machine, on emulated boards, and beside each other: size, error and time."""
