"""Commands that begin with a model file: why it is stable, and out of Python with it."""
