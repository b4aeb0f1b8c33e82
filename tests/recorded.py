"""Stand-ins for functions that a verb calls: they note what they are given."""

__all__ = ["Calls", "names"]


class Calls(list):
    """What was called, in order: name, positional arguments, keyword arguments."""

    def fake(self, name, gives=None):
        """Return a function that is noted as ``name``; it gives a value, or what one gives."""

        def call(*arguments, **options):
            self.append((name, arguments, options))
            return gives(*arguments, **options) if callable(gives) else gives

        return call

    def of(self, name):
        """Return positional and keyword arguments of the only call of that name."""
        (found,) = self.all(name)
        return found

    def all(self, name):
        """Return positional and keyword arguments of each call of that name."""
        return [call[1:] for call in self if call[0] == name]

    @property
    def names(self):
        """What was called, in order."""
        return [name for name, *_ in self]


def names(skeletons):
    """Return the names of skeletons."""
    return [skeleton.name for skeleton in skeletons]
