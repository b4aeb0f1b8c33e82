"""Exceptions that the command line shows to the user as one line."""

__all__ = ["Difference", "InputError", "SkeletonDamaged", "ToolError", "reason"]


class InputError(ValueError):
    """Bad input: one line that says what is required. The command line exits with 2."""

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows of it: one line, too."""
        return [f"{type(self).__name__}: {self}"]


class SkeletonDamaged(InputError):
    """The check of a chip's memory found that the skeleton of a run is damaged."""


class ToolError(InputError):
    """A program failed, or its output is not whole: one line that names the program and its log."""


class Difference(AssertionError):
    """Two implementations computed different codes. The command line exits with 1."""


def reason(error: BaseException) -> str:
    """Return the message of any library's exception as one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return text or type(error).__name__
