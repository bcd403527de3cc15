"""`python -m bragglens` runs the command line."""

from bragglens.cli import main

if __name__ == "__main__":
    main()
