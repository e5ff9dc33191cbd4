"""Where a network rests under a constant input, what it turns around, and how that changes along an input."""
