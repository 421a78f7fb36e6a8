"""Saved charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar, TypeVarTuple
from uuid import UUID

from sqlalchemy import Row, Select, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tradeapi.errors import Invalid, NotFound
from tradeapi.udf.forms import WRONG, Form
from tradeapi.udf.models import Layout
from tradeapi.udf.shelf import LONGEST_NAME, Shelf, checked

Found = TypeVar("Found")
Columns = TypeVarTuple("Columns")


async def layouts_of(session: AsyncSession, owner: UUID) -> Sequence[object]:
    """All of one user, without what is in them; the newest first."""
    columns = (
        Layout.id,
        Layout.name,
        Layout.client,
        Layout.namespace,
        Layout.symbol,
        Layout.resolution,
        Layout.saved_at,
    )
    chosen = select(*columns).where(Layout.user_id == owner).order_by(Layout.id.desc())
    return (await session.execute(chosen)).all()


@dataclass(frozen=True, slots=True)
class Layouts:
    """Those on one shelf; `most` of one owner's, wherever they are."""

    shelf: Shelf
    most: int

    async def list(self) -> Sequence[Row[UUID, str, str, str, float]]:
        """The newest first, without what is in them."""
        columns = (Layout.id, Layout.name, Layout.symbol, Layout.resolution, Layout.saved_at)
        chosen = self._ours(select(*columns)).order_by(Layout.saved_at.desc(), Layout.id.desc())
        return (await self.shelf.session.execute(chosen)).all()

    async def get(self, id: str) -> Layout:
        return await self._one(select(Layout).where(Layout.id == _parse(id)))

    async def lock(self, id: str) -> UUID:
        """Have changes of what belongs to it come one after the other."""
        chosen = select(Layout.id).where(Layout.id == _parse(id))
        return await self._one(chosen.with_for_update())

    async def create(self, form: Form, now: float) -> UUID:
        held = select(Layout.id).where(Layout.user_id == self.shelf.owner)
        fields = _fields(form)
        await self.shelf.lock()
        await self.shelf.make_room(held, self.most, "layouts")
        layout = Layout(
            id=uuid7(),
            user_id=self.shelf.owner,
            client=self.shelf.client,
            namespace=self.shelf.namespace,
            saved_at=now,
            **fields,
        )
        self.shelf.session.add(layout)
        await self.shelf.session.flush()
        return layout.id

    async def overwrite(self, id: str, form: Form, now: float) -> None:
        fields = _fields(form)
        locked = await self.lock(id)
        changed = update(Layout).where(Layout.id == locked).values(saved_at=now, **fields)
        await self.shelf.session.execute(changed)

    async def delete(self, id: str) -> None:
        locked = await self.lock(id)
        await self.shelf.session.execute(delete(Layout).where(Layout.id == locked))

    async def _one(self, chosen: Select[Found]) -> Found:
        found = await self.shelf.session.scalar(self._ours(chosen))
        if found is None:
            raise NotFound("Chart not found")
        return found

    def _ours(self, chosen: Select[*Columns]) -> Select[*Columns]:
        return chosen.where(
            Layout.user_id == self.shelf.owner,
            Layout.client == self.shelf.client,
            Layout.namespace == self.shelf.namespace,
        )


def _parse(id: str) -> UUID:
    try:
        return UUID(id)
    except ValueError as error:
        raise NotFound("Chart not found") from error


def _fields(form: Form) -> dict[str, str | bytes]:
    return {
        "name": checked(form.get("name", ""), WRONG, LONGEST_NAME),
        "symbol": _short(form.get("symbol", ""), LONGEST_NAME),
        "resolution": _short(form.get("resolution", ""), 20),
        "content": content_of(form),
    }


def content_of(form: Form) -> bytes:
    if "content" not in form:
        raise Invalid(WRONG)
    return form["content"].encode()


def _short(text: str, longest: int) -> str:
    """One that may be empty."""
    return checked(text, WRONG, longest) if text else ""
