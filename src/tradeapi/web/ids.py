"""Routes of one thing by its id, beside which others have names."""

from collections.abc import Collection
from typing import ClassVar

from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope


class ById(APIRoute):
    """Who asks for what has a name in a way that it can't be asked for is told so, and not that the
    name is no id.
    """

    named: ClassVar[Collection[str]] = ()

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        if match is not Match.NONE and found["path_params"]["id"] in self.named:
            return Match.NONE, {}
        return match, found
