"""Scopes as they are stored and handed out: words separated by spaces."""

from collections.abc import Iterable
from enum import StrEnum

from tradeapi.errors import FieldError, Forbidden, Invalid
from tradeapi.web.path_tokens import Place
from tradeapi.web.principal import Scope

ALL = frozenset(Scope)
OF_USERS = frozenset({Scope.READ, Scope.WRITE})
OF_PLACES = {
    Place.UDF: frozenset({Scope.READ}),
    Place.UDF_STORAGE: frozenset({Scope.READ, Scope.WRITE}),
}


class Role(StrEnum):
    """An admin has every scope; a user has those that were granted."""

    USER = "user"
    ADMIN = "admin"


def join(scopes: Iterable[Scope]) -> str:
    """In the order of the enumeration, so that equal sets are equal words."""
    wanted = frozenset(scopes)
    return " ".join(scope for scope in Scope if scope in wanted)


def split(words: str) -> frozenset[Scope]:
    """What we have stored ourselves."""
    return frozenset(Scope(word) for word in words.split())


def granted(role: str, words: str) -> frozenset[Scope]:
    """What a user may do."""
    return ALL if role == Role.ADMIN else split(words)


def parse(words: str) -> frozenset[Scope]:
    """What a caller asks for; raises Invalid for what is no scope."""
    unknown = [word for word in words.split() if word not in ALL]
    if unknown:
        detail = f"There is no scope {unknown[0][:40]!r}; there are {', '.join(Scope)}."
        raise Invalid(detail, code="unknown_scope", errors=[FieldError("/scope", detail)])
    return split(words)


def narrow(wanted: frozenset[Scope], held: frozenset[Scope]) -> frozenset[Scope]:
    """`wanted`, or all where nothing is wanted; raises Forbidden for more than is held."""
    if missing := wanted - held:
        raise Forbidden(f"You do not have the scope {join(missing)}.", code="insufficient_scope")
    return wanted or held
