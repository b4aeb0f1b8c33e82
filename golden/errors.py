"""The exceptions that a user is told of in one line."""

__all__ = ["Difference", "InputError"]


class InputError(ValueError):
    """Bad input: one line that says what must hold. The command line exits with 2."""


class Difference(AssertionError):
    """Two implementations computed different codes. The command line exits with 1."""
