"""Drawings that are saved apart from the layout that they are on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import delete, func, insert, select

from tradeapi.errors import Forbidden, Invalid, TooLarge
from tradeapi.udf.forms import MOST_CONTENT_BYTES, WRONG, Document
from tradeapi.udf.layouts import Layouts
from tradeapi.udf.models import Drawing
from tradeapi.udf.shelf import checked

MOST_DRAWINGS = 5000


class Kind(StrEnum):
    """What there is on a chart, by what the client calls them."""

    SOURCE = "sources"
    GROUP = "groups"


@dataclass(frozen=True, slots=True)
class Drawings:
    """Of one chart of a layout, both by the names that the client has for them."""

    layouts: Layouts
    layout: str
    chart: str

    async def get(self) -> Mapping[str, Mapping[str, orjson.Fragment]]:
        id = (await self.layouts.get(self.layout)).id
        chosen = select(Drawing.kind, Drawing.id, Drawing.content).where(*self._of(id))
        found: dict[str, dict[str, orjson.Fragment]] = {kind.value: {} for kind in Kind}
        rows = await self.layouts.shelf.session.execute(chosen.order_by(Drawing.kind, Drawing.id))
        for kind, name, content in rows:
            found[kind][name] = orjson.Fragment(content)
        return found

    async def change(self, changes: Document) -> None:
        """Each that is named is replaced, or removed where it is null; all others stay."""
        session = self.layouts.shelf.session
        named = {kind: _named(changes, kind) for kind in Kind}
        id = await self.layouts.lock(self.layout)
        for kind, states in named.items():
            ours = (*self._of(id), Drawing.kind == kind, Drawing.id.in_([*states]))
            if states:
                await session.execute(delete(Drawing).where(*ours))
            rows = [self._row(id, kind, name, state) for name, state in states.items() if state]
            if rows:
                await session.execute(insert(Drawing), rows)
        await self._check_size(id)

    async def _check_size(self, id: UUID) -> None:
        size = func.coalesce(func.sum(func.length(Drawing.content)), 0)
        chosen = select(func.count(), size).where(Drawing.layout_id == id)
        count, bytes = (await self.layouts.shelf.session.execute(chosen)).one()
        if count > MOST_DRAWINGS:
            raise Forbidden(f"A layout has up to {MOST_DRAWINGS} drawings.", code="quota_drawings")
        if bytes > MOST_CONTENT_BYTES:
            raise TooLarge(f"The drawings are larger than {MOST_CONTENT_BYTES} bytes.")

    def _row(self, id: UUID, kind: Kind, name: str, state: bytes) -> Mapping[str, object]:
        return {
            "layout_id": id,
            "chart": self.chart,
            "kind": kind.value,
            "id": checked(name, WRONG),
            "content": state,
        }

    def _of(self, id: UUID) -> Sequence[Any]:
        return (Drawing.layout_id == id, Drawing.chart == checked(self.chart, WRONG))


def _named(changes: Document, kind: Kind) -> Mapping[str, bytes | None]:
    """What is to be of each; a kind may be left out, or null."""
    states = changes.get(kind)
    if states is None:
        return {}
    if not isinstance(states, dict) or len(states) > MOST_DRAWINGS:
        raise Invalid(WRONG)
    try:
        return {
            checked(name, WRONG): None if state is None else orjson.dumps(state)
            for name, state in states.items()
        }
    except orjson.JSONEncodeError as error:
        # It reads what is nested deeper than it writes.
        raise Invalid(WRONG) from error
