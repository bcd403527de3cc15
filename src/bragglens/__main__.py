"""`python -m bragglens` is the command."""

from bragglens.cli import main

if __name__ == "__main__":
    main()
