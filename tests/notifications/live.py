"""Inboxes that are streamed, on the test's database, and what a client makes of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from tests.auth.people import NOON
from tests.notifications.telling import Teller
from tests.streams.authority import Authority
from tests.streams.client import Chart as Topic
from tests.streams.client import Client
from tests.streams.conftest import Served, serve_hub
from tests.streams.documented import Frame
from tradeapi.bus.memory import MemoryBus
from tradeapi.bus.port import Bus
from tradeapi.clock import SystemClock
from tradeapi.database import Database
from tradeapi.notifications.live.channel import NAME, NotificationsChannel
from tradeapi.notifications.live.followed import FollowedInboxes
from tradeapi.notifications.service import Filter, Notifications
from tradeapi.streams.hub import Hub
from tradeapi.streams.limits import Limits
from tradeapi.streams.positions import PLACES

TOPIC = NAME


class LiveInboxes(Teller):
    """One process; others on the same database are other processes."""

    def __init__(self, database: Database, bus: Bus, authority: Authority, served: Served) -> None:
        super().__init__(database, bus)
        self.bus = bus
        self.authority = authority
        self.served = served
        # Whose news nobody hears.
        self.silent = Teller(database)

    @property
    def url(self) -> str:
        return self.served.url

    @asynccontextmanager
    async def of(self, user: UUID) -> AsyncIterator[Notifications]:
        async with self.database.transaction() as session:
            yield Notifications(session, self.bus, user, NOON)

    async def mark(self, user: UUID, key: str, *, is_read: bool) -> None:
        [one] = [one for one in await self.notifications(user) if one.key == key]
        async with self.of(user) as notifications:
            await notifications.mark(one.id, is_read=is_read)

    async def hear_all(self, guest: Client, page: "Page", user: UUID) -> None:
        """Until the page has come as far as the inbox has."""
        async with self.of(user) as notifications:
            told = [one.seq for one in await notifications.list(Filter(), before=None, limit=1)]
        seq = (await self.inbox(user)).seq if told else 0
        await guest.hear_until(lambda: page.seq // PLACES >= seq)

    async def agrees(self, page: "Page", user: UUID) -> bool:
        """Whether what the page shows is what HTTP answers."""
        async with self.of(user) as notifications:
            listed = await notifications.list(Filter(), before=None, limit=50)
            unread = await notifications.unread()
        shown = [(one["id"], one["read_at"]) for one in page.newest]
        return shown == [(str(one.id), one.read_at) for one in listed] and page.unread == unread


class Page(Topic):
    """What a page shows of the inbox, and what has popped up on it."""

    def __init__(self) -> None:
        super().__init__()
        self.unread = -1
        self.shown: dict[str, dict[str, Any]] = {}
        self.popped: list[str] = []
        self.resets: list[str] = []

    @property
    def newest(self) -> list[dict[str, Any]]:
        return sorted(self.shown.values(), key=lambda one: -one["seq"])[:50]

    def apply(self, frame: Frame) -> None:
        self.kinds.append(frame["type"])
        match frame["type"]:
            case "snapshot":
                assert frame["epoch"] != self.epoch or frame["seq"] >= self.seq
                self.epoch = frame["epoch"]
                self._replace(frame)
            case "reset":
                self.resets.append(frame["reason"])
                return
            case "error":
                self.epoch = ""
                return
            case "resumed":
                assert (frame["epoch"], frame["from"]) == (self.epoch, self.seq + 1)
                return
            case type:
                if not self.epoch:
                    # Of what the socket followed before.
                    return
                assert self.seq < frame["seq"]
                assert frame["prev"] < frame["seq"]
                self._change(type, frame)
        self.unread = frame["unread"]
        self.seq = frame["seq"]

    def _change(self, type: str, frame: Frame) -> None:
        match type:
            case "notification":
                told = frame["notification"]
                self.shown[told["id"]] = dict(told)
                self.popped.append(told["data"]["key"])
            case "mark":
                if frame["id"] in self.shown:
                    self.shown[frame["id"]]["read_at"] = frame["read_at"]
            case "inbox":
                self._replace(frame)
            case _:
                raise AssertionError(type)

    def _replace(self, frame: Frame) -> None:
        self.shown = {one["id"]: dict(one) for one in frame["notifications"]}


async def follow(guest: Client, page: Page | None = None, **options: Any) -> Page:
    """Begin, or go on with a page that has stopped; returns when it is up to date."""
    page = page or Page()
    guest.charts[TOPIC] = page
    if page.epoch:
        options["resume"] = {TOPIC: {"epoch": page.epoch, "seq": page.seq}}
    heard = len(page.kinds)
    await guest.say(op="subscribe", topics=[TOPIC], **options)
    ack = await guest.hear_type("ack")
    assert ack["rejected"] == []
    await guest.hear_until(lambda: {"snapshot", "resumed"} & {*page.kinds[heard:]} != set())
    return page


@asynccontextmanager
async def live_inboxes(
    database: Database,
    *,
    bus: Bus | None = None,
    authority: Authority | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[LiveInboxes]:
    bus = bus or MemoryBus()
    authority = authority or Authority(database)
    hub = Hub(limits or Limits(), SystemClock())
    async with (
        FollowedInboxes(database, bus) as followed,
        serve_hub(hub, authority=authority) as served,
    ):
        hub.register(NAME, NotificationsChannel(followed))
        yield LiveInboxes(database, bus, authority, served)
