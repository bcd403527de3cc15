"""The installed version, in a file of its own, because reading the list of packages is slow."""

from importlib.metadata import version

__version__ = version("bragglens")
