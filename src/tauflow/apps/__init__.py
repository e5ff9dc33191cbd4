"""Applications: whole tasks made of public names, each one command. Nobody imports an app."""
