"""Forecasts of nine real sets, the default and the best settings beside simple answers and peers."""
