"""The one exception that means: what the user gave is wrong."""

__all__ = ["InputError"]


class InputError(ValueError):
    """Bad input: one line that says what must hold. The command line exits with 2."""
