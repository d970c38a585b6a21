"""Lets `python -m dyetrace` be the command."""

from dyetrace.cli.main import main

if __name__ == "__main__":
    main()
