"""Saved settings, each under a name."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, delete, select

from tradeapi.errors import NotFound
from tradeapi.udf.forms import WRONG
from tradeapi.udf.models import Template
from tradeapi.udf.shelf import LONGEST_NAME, Shelf, checked


class Kind(StrEnum):
    """What there are templates of."""

    STUDY = "study"
    CHART = "chart"
    DRAWING = "drawing"


@dataclass(frozen=True, slots=True)
class Templates:
    """Those of one kind on one shelf; `most` of one owner's, of all kinds and wherever they are."""

    shelf: Shelf
    kind: Kind
    most: int

    async def list(self, tool: str = "") -> Sequence[str]:
        chosen = select(Template.name).where(*self._ours(tool))
        # Databases differ in what comes after what.
        return sorted(await self.shelf.session.scalars(chosen))

    async def get(self, name: str, tool: str = "") -> Template:
        chosen = select(Template).where(*self._ours(tool), Template.name == name)
        # PostgreSQL takes no text that has a NUL in it.
        found = None if "\0" in name else await self.shelf.session.scalar(chosen)
        if found is None:
            raise NotFound("Template not found")
        return found

    async def save(self, name: str, content: bytes, tool: str = "") -> None:
        """In place of what there is of that name."""
        checked(name, WRONG, LONGEST_NAME)
        await self.shelf.lock()
        same = (*self._ours(tool), Template.name == name)
        others = select(Template.name).where(Template.user_id == self.shelf.owner)
        await self.shelf.session.execute(delete(Template).where(*same))
        await self.shelf.make_room(others, self.most, "templates")
        self.shelf.session.add(
            Template(
                user_id=self.shelf.owner,
                client=self.shelf.client,
                namespace=self.shelf.namespace,
                kind=self.kind,
                tool=tool,
                name=name,
                content=content,
            )
        )
        await self.shelf.session.flush()

    async def delete(self, name: str, tool: str = "") -> None:
        found = await self.get(name, tool)
        await self.shelf.session.delete(found)

    def _ours(self, tool: str) -> Sequence[ColumnElement[bool]]:
        if self.kind is Kind.DRAWING:
            checked(tool, WRONG)
        return (
            Template.user_id == self.shelf.owner,
            Template.client == self.shelf.client,
            Template.namespace == self.shelf.namespace,
            Template.kind == self.kind,
            Template.tool == tool,
        )
