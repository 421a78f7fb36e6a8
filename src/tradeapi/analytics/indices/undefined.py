"""Numbers that have no value, each with the reason."""


class Undefined(ValueError):
    """Raised by a formula that does not hold for its data; its text says why, to clients too."""
