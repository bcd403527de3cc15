"""Errors that bragglens raises for users.

    BragglensError
    ├── StructureError    a CIF, or a folder of them, cannot become phases
    ├── ScanError         a measured scan cannot be read, or not be used with this model
    ├── RecipeError       a simulation or recipe is not possible
    ├── ModelError        a model file is of another program, damaged or of a newer format
    └── FetchError        something on the network could not be fetched

Every message is one sentence that helps a user: what, where, why, and what to do.
"""


class BragglensError(Exception):
    """Base class of the errors of bragglens."""


class StructureError(BragglensError):
    """A CIF, or a folder of them, cannot become phases."""


class ScanError(BragglensError):
    """A measured scan cannot be read, or cannot be used with this model."""


class RecipeError(BragglensError):
    """A simulation or recipe is not possible."""


class ModelError(BragglensError):
    """A model file is of another program, damaged or of a newer format."""


class FetchError(BragglensError):
    """A download failed."""
