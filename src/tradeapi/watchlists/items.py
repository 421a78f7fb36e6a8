"""What is on watchlists."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Delete, Select, bindparam, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.errors import Conflict, FieldError, Forbidden, NotFound, TradeError
from tradeapi.market.models import Head, Symbol
from tradeapi.market.symbols.directory import Directory, Listing
from tradeapi.watchlists.alerting import Wanted
from tradeapi.watchlists.models import Item, Watchlist
from tradeapi.watchlists.order import rearranged
from tradeapi.watchlists.schemas import ItemChange, ItemIn, NamedItemChange
from tradeapi.watchlists.service import Watchlists
from tradeapi.web.preconditions import Precondition


@dataclass(frozen=True, slots=True)
class Listed:
    """An item, which place it has on its list, and its symbol with that one's own name."""

    item: Item
    place: int
    symbol: str
    name: str


class ToPrice(NamedTuple):
    """What the prices of an item are shown with, and against."""

    symbol_id: int
    symbol: str
    name: str
    added_price: float | None
    added_at: float


@dataclass(frozen=True, slots=True)
class Changed:
    """The list, and those of its items that have been changed, in order."""

    watchlist: Watchlist
    items: Sequence[Listed]


@dataclass(frozen=True, slots=True)
class Taken:
    """How many items a file has brought, changed and, where it is all there is, removed."""

    watchlist: Watchlist
    added: int
    updated: int
    removed: int


class Items:
    """Of the lists of one owner. Whatever is changed raises the version of the list.

    Alerts follow the items, and what would be too many of them raises Forbidden.
    """

    def __init__(
        self,
        session: AsyncSession,
        watchlists: Watchlists,
        directory: Directory,
        now: float,
        *,
        most: int,
    ) -> None:
        self._session = session
        self._watchlists = watchlists
        self._directory = directory
        # In CSV it comes back as it was.
        self._now = round(now, 3)
        self._most = most

    async def list(self, id: UUID) -> Sequence[Listed]:
        """In order; of a list that has been found to be the owner's."""
        return await items_of(self._session, id)

    async def list_to_price(self, id: UUID) -> Sequence[ToPrice]:
        """The same, for a tenth of the time it takes to make entities of them."""
        return [ToPrice._make(row) for row in await self._session.execute(_to_price(id))]

    async def add(self, id: UUID, new: ItemIn, precondition: Precondition) -> Changed:
        """Raises Conflict for a symbol that is on the list, and Forbidden beyond the quota."""
        listing = await self._directory.get(new.symbol)
        watchlist = await self._watchlists.lock(id, precondition)
        placed = await self._placed(id)
        if any(symbol_id == listing.id for symbol_id, _ in placed):
            raise Conflict(f"{listing.symbol} is on the list.", code="already_listed")
        self._check_room(len(placed) + 1)
        prices = await self._last_prices([listing.id])
        position = placed[-1][1] + 1 if placed else 0
        self._session.add(self._item(id, listing, new, prices, position))
        await self._flush()
        if new.alert_enabled:
            await self._watchlists.keep_alerts(id)
        if new.position is not None:
            await self._arrange(id, [*placed, (listing.id, position)], [(listing.id, new.position)])
        return Changed(watchlist, await self._pick(id, [listing.id]))

    async def change(
        self, id: UUID, symbol: str, change: ItemChange, precondition: Precondition
    ) -> Changed:
        listing = await self._directory.get(symbol)
        return await self._change(id, [(listing, change)], precondition)

    async def change_many(
        self, id: UUID, changes: Sequence[NamedItemChange], precondition: Precondition
    ) -> Changed:
        """One after the other: all of them, or none."""
        listings = await self._listings([change.symbol for change in changes], "/items")
        return await self._change(id, [*zip(listings, changes, strict=True)], precondition)

    async def remove(self, id: UUID, symbol: str, precondition: Precondition) -> Watchlist:
        listing = await self._directory.get(symbol)
        watchlist = await self._watchlists.lock(id, precondition)
        removed = delete(Item).where(Item.watchlist_id == id, Item.symbol_id == listing.id)
        had_alerts = await self._session.scalar(removed.returning(Item.alert_enabled))
        if had_alerts is None:
            raise _not_listed(listing)
        if had_alerts:
            await self._watchlists.keep_alerts(id)
        return watchlist

    async def clear(self, id: UUID, precondition: Precondition) -> Watchlist:
        watchlist = await self._watchlists.lock(id, precondition)
        if await self._delete(delete(Item).where(Item.watchlist_id == id)):
            await self._watchlists.keep_alerts(id)
        return watchlist

    async def take(
        self, id: UUID, rows: Sequence[ItemIn], precondition: Precondition, *, replace: bool
    ) -> Taken:
        """All rows, in the place of items of their symbols; `replace`: and nothing else stays.

        New ones come last, in the order of the rows; where all are replaced they all are in that.
        """
        listings = await self._listings([row.symbol for row in rows], "/rows")
        _check_once(listings)
        watchlist = await self._watchlists.lock(id, precondition)
        before = dict(await self._placed(id))
        stays = {} if replace else before
        ids = {listing.id for listing in listings}
        self._check_room(len(stays.keys() | ids))
        prices = await self._last_prices([*ids - before.keys()])
        gone = before.keys() if replace else before.keys() & ids
        had_alerts = await self._delete(
            delete(Item).where(Item.watchlist_id == id, Item.symbol_id.in_(gone))
        )
        end = max(stays.values(), default=-1) + 1
        self._session.add_all(
            self._item(id, listing, row, prices, stays.get(listing.id, end + number))
            for number, (listing, row) in enumerate(zip(listings, rows, strict=True))
        )
        await self._flush()
        if had_alerts or any(row.alert_enabled for row in rows):
            await self._watchlists.keep_alerts(id)
        updated = len(before.keys() & ids)
        removed = len(before.keys() - ids) if replace else 0
        return Taken(watchlist, len(ids) - updated, updated, removed)

    async def _change(
        self, id: UUID, changes: Sequence[tuple[Listing, ItemChange]], precondition: Precondition
    ) -> Changed:
        watchlist = await self._watchlists.lock(id, precondition)
        ids = {listing.id for listing, _ in changes}
        chosen = select(Item).where(Item.watchlist_id == id, Item.symbol_id.in_(ids))
        items = {item.symbol_id: item for item in await self._session.scalars(chosen)}
        before = _wanted(items.values())
        for listing, change in changes:
            if listing.id not in items:
                raise _not_listed(listing)
            for field in change.model_fields_set - {"symbol", "position"}:
                setattr(items[listing.id], field, getattr(change, field))
        await self._session.flush()
        if _wanted(items.values()) != before:
            await self._watchlists.keep_alerts(id)
        moves = [
            (listing.id, change.position)
            for listing, change in changes
            if change.position is not None
        ]
        if moves:
            await self._arrange(id, await self._placed(id), moves)
        return Changed(watchlist, await self._pick(id, ids))

    async def _delete(self, items: Delete) -> bool:
        """Whether some of them had alerts."""
        return any((await self._session.scalars(items.returning(Item.alert_enabled))).all())

    async def _pick(self, id: UUID, symbol_ids: Collection[int]) -> Sequence[Listed]:
        places = {symbol_id: place for place, (symbol_id, _) in enumerate(await self._placed(id))}
        chosen = _listed(id).where(Item.symbol_id.in_(symbol_ids))
        rows = await self._session.execute(chosen)
        return [Listed(row[0], places[row[0].symbol_id], *row[1:]) for row in rows]

    async def _placed(self, id: UUID) -> Sequence[tuple[int, int]]:
        chosen = select(Item.symbol_id, Item.position).where(Item.watchlist_id == id)
        rows = await self._session.execute(chosen.order_by(Item.position))
        return [(symbol_id, position) for symbol_id, position in rows]

    async def _arrange(
        self, id: UUID, placed: Sequence[tuple[int, int]], moves: Sequence[tuple[int, int]]
    ) -> None:
        moved = rearranged(placed, moves)
        if moved:
            connection = await self._session.connection()
            await connection.execute(
                update(Item)
                .where(Item.watchlist_id == id, Item.symbol_id == bindparam("of"))
                .values(position=bindparam("to")),
                [{"of": symbol_id, "to": position} for symbol_id, position in moved.items()],
            )

    async def _listings(self, symbols: Sequence[str], pointer: str) -> Sequence[Listing]:
        """Raises what is wrong with the first; `errors` has all of them."""
        found = await self._directory.get_many(symbols)
        listings = [found[symbol] for symbol in symbols]
        faults = [
            FieldError(f"{pointer}/{number}/symbol", str(one))
            for number, one in enumerate(listings)
            if isinstance(one, TradeError)
        ]
        for one in listings:
            if isinstance(one, TradeError):
                raise type(one)(str(one), code=one.code, errors=faults)
        return [one for one in listings if isinstance(one, Listing)]

    async def _last_prices(self, ids: Sequence[int]) -> Mapping[int, float | None]:
        chosen = select(Head.symbol_id, Head.last).where(Head.symbol_id.in_(ids))
        return {id: last for id, last in await self._session.execute(chosen)}  # noqa: C416  of rows

    def _item(
        self,
        id: UUID,
        listing: Listing,
        new: ItemIn,
        prices: Mapping[int, float | None],
        position: int,
    ) -> Item:
        facts: dict[str, Any] = new.model_dump(exclude={"symbol", "position"})
        if new.added_at is None:
            facts["added_at"] = self._now
        if "added_price" not in new.model_fields_set:
            facts["added_price"] = prices.get(listing.id)
        return Item(watchlist_id=id, symbol_id=listing.id, position=position, **facts)

    def _check_room(self, count: int) -> None:
        if count > self._most:
            raise Forbidden(f"A watchlist has up to {self._most} items.", code="quota_items")

    async def _flush(self) -> None:
        try:
            await self._session.flush()
        except IntegrityError as error:
            detail = "A symbol has been removed this moment."
            raise NotFound(detail, code="unknown_symbol") from error


async def items_of(session: AsyncSession, id: UUID) -> Sequence[Listed]:
    """All that is on the list, in order."""
    rows = await session.execute(_listed(id))
    return [Listed(row[0], place, *row[1:]) for place, row in enumerate(rows)]


def _listed(id: UUID) -> Select[Item, str, str]:
    return (
        select(Item, Symbol.symbol, Symbol.name)
        .join(Symbol, Symbol.id == Item.symbol_id)
        .where(Item.watchlist_id == id)
        .order_by(Item.position)
        .execution_options(populate_existing=True)
    )


def _to_price(id: UUID) -> Select[int, str, str, float | None, float]:
    return (
        select(
            Item.symbol_id,
            Symbol.symbol,
            func.coalesce(Item.name, Symbol.name),
            Item.added_price,
            Item.added_at,
        )
        .join(Symbol, Symbol.id == Item.symbol_id)
        .where(Item.watchlist_id == id)
        .order_by(Item.position)
    )


def _wanted(items: Iterable[Item]) -> Collection[Wanted]:
    return {
        Wanted(item.symbol_id, item.target_price, item.stop_loss)
        for item in items
        if item.alert_enabled
    }


def _not_listed(listing: Listing) -> NotFound:
    return NotFound(f"{listing.symbol} is not on the list.", code="not_listed")


def _check_once(listings: Sequence[Listing]) -> None:
    first: dict[int, int] = {}
    faults = [
        FieldError(f"/rows/{number}/symbol", f"{listing.symbol} is in row {first[listing.id]}, too")
        for number, listing in enumerate(listings)
        if first.setdefault(listing.id, number) != number
    ]
    if faults:
        detail = "A symbol is in the file more than once."
        raise Conflict(detail, code="already_listed", errors=faults)
