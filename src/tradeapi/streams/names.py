"""The names of topics, and what is said of those that are none."""

from uuid import UUID

from tradeapi.errors import FieldError, Invalid, NotFound


def id_in(name: str) -> UUID:
    """Of a topic of the form `lists:{id}`; it has one name: an id in its one spelling.

    Raises NotFound.
    """
    kind, _, key = name.partition(":")
    try:
        id = UUID(key)
    except ValueError:
        id = None
    if id is None or str(id) != key:
        raise unknown_topic(name, f"{kind}:{{id}}")
    return id


def unknown_topic(name: str, form: str) -> NotFound:
    detail = f"There is no topic {name[:80]!r}; it has the form {form}."
    return NotFound(detail, code="unknown_topic")


def not_kept(name: str) -> Invalid:
    """Of what can't be replayed."""
    detail = f"What {name} was is not kept; replay bars."
    return Invalid(detail, errors=[FieldError("/topic", detail)])
