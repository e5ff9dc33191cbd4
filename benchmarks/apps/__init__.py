"""The applications, measured by their own commands."""
