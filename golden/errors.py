"""The exceptions that a user is told of in one line."""

__all__ = ["Difference", "InputError", "SkeletonDamaged", "ToolError", "reason"]


class InputError(ValueError):
    """Bad input: one line that says what must hold. The command line exits with 2."""


class SkeletonDamaged(InputError):
    """A chip found the skeleton that is to run damaged when it checked its memory."""


class ToolError(InputError):
    """A program that we run failed, or left nothing whole: one line that names it and its log."""


class Difference(AssertionError):
    """Two implementations computed different codes. The command line exits with 1."""


def reason(error: BaseException) -> str:
    """Return in one line what an exception of any library says."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return text or type(error).__name__
