"""What is installed; in a file of its own, since the list of installed packages takes longer to read than the rest."""

from importlib.metadata import version

__version__ = version("bragglens")
