"""`python -m tauflow` is the command `tauflow`."""

from .cli import main

if __name__ == "__main__":
    main()
