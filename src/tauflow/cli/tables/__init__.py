"""Commands that begin with a table: look at it, learn from it, forecast, classify, compare."""
