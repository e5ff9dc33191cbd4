"""The time column: how a moment can be written, as text, as a number, or over several columns, and how it is read."""
