"""What can go wrong offline, in words a person can act on; the command line prints the message and exits with 2.

TrainingError
├── RecipeError       the recipe asks for something that is not there or does not fit together
├── DataError         the data is missing, damaged or not of the expected form
├── FitError          training cannot start or continue
│   ├── FitInterrupted    a person stopped it; it can be resumed
│   └── TooCostly         it takes more memory or time than there is
└── ExportError       an exported graph does not reproduce the model
"""


class TrainingError(Exception):
    """Base of everything this package raises on purpose."""


class RecipeError(TrainingError):
    """The recipe is not valid."""


class DataError(TrainingError):
    """The data cannot be used."""


class FitError(TrainingError):
    """The run cannot start or continue."""


class FitInterrupted(FitError):
    """The run was stopped by a person and left a checkpoint."""


class TooCostly(FitError):
    """The run takes more memory or time than it may."""


class ExportError(TrainingError):
    """An exported graph is not equal to the model it came from."""
