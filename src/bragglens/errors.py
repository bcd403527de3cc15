"""Everything that bragglens raises on purpose.

    BragglensError
    ├── StructureError    a CIF, or a folder of them, cannot become phases
    ├── ScanError         a measured scan cannot be read, or not be used with this model
    ├── RecipeError       a simulation was asked for that makes no sense
    ├── ModelError        a model file is foreign, damaged or of a newer format
    └── FetchError        something on the network could not be fetched

Every message is one sentence a user can act on: what, where, why, and what to do.
"""


class BragglensError(Exception):
    """Root of the errors that bragglens raises on purpose."""


class StructureError(BragglensError):
    """A CIF, or a folder of them, cannot become phases."""


class ScanError(BragglensError):
    """A measured scan cannot be read, or cannot be used with this model."""


class RecipeError(BragglensError):
    """A simulation was asked for that makes no sense."""


class ModelError(BragglensError):
    """A model file is foreign, damaged or of a newer format."""


class FetchError(BragglensError):
    """Something on the network could not be fetched."""
