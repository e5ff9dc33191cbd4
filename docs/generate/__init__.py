"""What `conf.py` makes of the code: the API reference, the commands, and pages for files that stand outside of docs/."""
