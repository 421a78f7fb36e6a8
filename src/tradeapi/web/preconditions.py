"""Lost updates are refused: a resource's version is its strong ETag, and `If-Match` names it."""

import re
from typing import Annotated

from fastapi import Depends, Header

from tradeapi.errors import Stale

_tags = re.compile(r'(W/)?("[^"]*")').findall


class Precondition:
    """What `If-Match` asks for; without one, nothing."""

    def __init__(self, header: str | None) -> None:
        self._header = header.strip() if header is not None else None

    def check(self, etag: str | None) -> None:
        """Raises Stale unless the resource is as the caller read it; None: there is none."""
        if self._header is None or (self._header == "*" and etag is not None):
            return
        # Weak tags never match: RFC 9110, 13.1.1.
        if etag is None or ("", etag) not in _tags(self._header):
            raise Stale("It is not what If-Match names any more; read it again.")


async def _precondition(
    if_match: Annotated[
        str | None,
        Header(
            description="The ETag of what you read; 412 if it has changed since.",
            examples=['"17.3"'],
        ),
    ] = None,
) -> Precondition:
    return Precondition(if_match)


PreconditionDep = Annotated[Precondition, Depends(_precondition)]
