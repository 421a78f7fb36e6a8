"""Lists that go on where they stopped: pages with an opaque keyset cursor."""

from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from itsdangerous import BadData, URLSafeSerializer
from pydantic import BaseModel, Field

from tradeapi.errors import Invalid

Item = TypeVar("Item")
Limit = Annotated[int, Query(ge=1, le=500, description="The most items.")]
Cursor = Annotated[
    str | None, Query(max_length=400, description="The `next_cursor` of the page before.")
]


class Page(BaseModel, Generic[Item]):
    items: list[Item]
    next_cursor: str | None = Field(description="Hand it back as `cursor`; null on the last page.")


class Cursors:
    """Signed, so that nobody makes up the position in a list that we then put into SQL.

    `list` names the list with its filters; a cursor of one list does not open another:

    >>> cursors = Cursors([b"secret"])
    >>> cursors.decode("symbols:stock", cursors.encode("symbols:stock", ["US:AAPL", 17]))
    ['US:AAPL', 17]
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        """The first signs; all of them are good."""
        self._keys = [*reversed(keys)]

    def encode(self, list: str, position: Sequence[str | float | None]) -> str:
        return self._serializer(list).dumps([*position])

    def decode(self, list: str, cursor: str) -> Sequence[str | float | None]:
        try:
            position: Sequence[str | float | None] = self._serializer(list).loads(cursor)
        except BadData as error:
            raise Invalid(
                "The cursor is not one that this list handed out.", code="bad_cursor"
            ) from error
        return position

    def _serializer(self, list: str) -> URLSafeSerializer:
        return URLSafeSerializer(self._keys, salt=list)
