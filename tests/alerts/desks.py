"""Alerts on a market without HTTP, and an engine that is started and killed at will."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import anyio
from sqlalchemy import select

from tests.market.places import Market, writing
from tradeapi.alerts.engine.engine import AlertEngine
from tradeapi.alerts.models import Alert
from tradeapi.alerts.schemas import AlertChange, AlertIn
from tradeapi.alerts.service import Alerts
from tradeapi.auth.models import User
from tradeapi.jobs.opening import jobs_of
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.bars.newest import Newest
from tradeapi.market.bars.tick_writer import PostedTicks, TickWriter
from tradeapi.market.live.watches import Watches
from tradeapi.notifications.channels import Channels
from tradeapi.notifications.models import Notification
from tradeapi.notifications.notifier import Notifier
from tradeapi.web.preconditions import Precondition

PATIENCE_SECONDS = 20
MINUTE = 60
LATENESS = 5


@dataclass
class Desk:
    """A user with alerts; the engine runs while `watching` is entered."""

    market: Market
    owner: UUID = field(default_factory=uuid4)
    sentinels: int = 0

    @classmethod
    async def open(cls, market: Market) -> "Desk":
        desk = cls(market)
        async with market.database.transaction() as session:
            session.add(
                User(
                    id=desk.owner,
                    email=f"{desk.owner}@example.com",
                    role="user",
                    scopes="read write",
                    created_at=0.0,
                )
            )
        return desk

    @asynccontextmanager
    async def alerts(self) -> AsyncIterator[Alerts]:
        market = self.market
        async with market.database.transaction() as session:
            yield Alerts(
                session,
                market.bus,
                market.directory,
                self.owner,
                market.clock.now(),
                channels=Channels(frozenset()),
                most=1000,
            )

    async def make(self, symbol: str, *conditions: Mapping[str, Any], **options: object) -> UUID:
        new = AlertIn.model_validate({"symbol": symbol, "conditions": [*conditions], **options})
        async with self.alerts() as alerts:
            alert, _ = await alerts.create(new)
            return alert.id

    async def change(self, id: UUID, **change: object) -> None:
        async with self.alerts() as alerts:
            await alerts.change(id, AlertChange.model_validate(change), Precondition(None))

    async def delete(self, id: UUID) -> None:
        async with self.alerts() as alerts:
            await alerts.delete(id, Precondition(None))

    async def told(self, *, of: UUID | None = None) -> Sequence[Notification]:
        """What the user has been told, the oldest first."""
        async with self.market.database.reading() as session:
            chosen = select(Notification).where(Notification.user_id == self.owner)
            found = (await session.scalars(chosen.order_by(Notification.seq))).all()
        return [one for one in found if of is None or one.data["alert_id"] == str(of)]

    async def prices(self, *, of: UUID | None = None) -> list[float]:
        return [one.data["price"] for one in await self.told(of=of)]

    async def alert(self, id: UUID) -> Alert:
        async with self.market.database.reading() as session:
            return (await session.scalars(select(Alert).where(Alert.id == id))).one()

    async def wait(self, count: int, *, of: UUID | None = None) -> Sequence[Notification]:
        """Until the user has been told so often."""
        with anyio.fail_after(PATIENCE_SECONDS):
            while len(told := await self.told(of=of)) < count:  # noqa: ASYNC110
                await anyio.sleep(0.01)
        return told

    async def written(self, symbol: str = "X:A") -> None:
        """Until the engine has written that it is where the symbol is."""
        listing = await self.market.directory.get(symbol)
        with anyio.fail_after(PATIENCE_SECONDS):
            while True:
                async with self.market.database.read() as raw:
                    if await raw.fetch(_WRITTEN, listing.id):
                        return
                await anyio.sleep(0.02)


@dataclass
class Watching:
    """An engine that runs, and a writer of ticks beside it."""

    market: Market
    engine: AlertEngine
    ticks: TickWriter

    async def trade(self, symbol: str, *prices: float, every: float = 1.0) -> None:
        """One trade each `every` seconds from now on, each in a request of its own."""
        await self.rest()
        for price in prices:
            self.market.clock.time += every
            await self.post([tick(symbol, self.market.clock.time, price)])

    async def rest(self) -> None:
        """Until it has looked at all that there is."""
        with anyio.fail_after(PATIENCE_SECONDS):
            while not self.engine.is_at_rest:  # noqa: ASYNC110
                await anyio.sleep(0.002)

    async def post(self, ticks: Sequence[Mapping[str, object]]) -> None:
        outcomes = await self.ticks.post(PostedTicks([*ticks]))
        assert set(outcomes.statuses) == {"accepted"}, outcomes.statuses


@asynccontextmanager
async def trading(market: Market) -> AsyncIterator[TickWriter]:
    async with writing(market) as ticks:
        yield ticks


@asynccontextmanager
async def engine_of(market: Market) -> AsyncIterator[AlertEngine]:
    """Killed at the end: what it has not written is lost."""
    newest = Newest(market.database, market.directory, market.clock)
    bars = BarHistory(market.database, market.directory, newest, market.clock, lateness=LATENESS)
    async with (
        Watches(market.database, market.bus, market.directory, market.clock) as watches,
        anyio.create_task_group() as tasks,
    ):
        engine = AlertEngine(
            market.database,
            market.bus,
            watches,
            bars,
            Notifier(jobs_of(market.database, market.clock), market.bus, market.clock, {}),
            market.clock,
            lateness=LATENESS,
        )
        tasks.start_soon(engine.run)
        yield engine
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def watching(market: Market) -> AsyncIterator[Watching]:
    async with trading(market) as ticks, engine_of(market) as engine:
        yield Watching(market, engine, ticks)


def price(way: str, level: float) -> dict[str, object]:
    return {"type": "price", "is": way, "level": level}


def tick(symbol: str, time: float, price: float) -> dict[str, object]:
    return {"symbol": symbol, "time": time, "price": price, "size": 1}


_WRITTEN = """
SELECT h.version FROM heads h JOIN alert_positions p
ON p.symbol_id = h.symbol_id AND p.version = h.version WHERE h.symbol_id = $1
"""
