"""The exceptions that a user is told of in one line."""

__all__ = ["Difference", "InputError", "SkeletonDamaged"]


class InputError(ValueError):
    """Bad input: one line that says what must hold. The command line exits with 2."""


class SkeletonDamaged(InputError):
    """A chip found the skeleton that is to run damaged when it checked its memory."""


class Difference(AssertionError):
    """Two implementations computed different codes. The command line exits with 1."""
