"""Jobs that are streamed, on the test's database, and what a client makes of one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from tests.streams.authority import Authority
from tests.streams.client import Chart as Topic
from tests.streams.client import Client
from tests.streams.conftest import Served, serve_hub
from tests.streams.documented import Frame
from tests.tracked.watched import Watched
from tradeapi.bus.memory import MemoryBus
from tradeapi.bus.port import Bus
from tradeapi.clock import SystemClock
from tradeapi.database import Database
from tradeapi.streams.hub import Hub
from tradeapi.streams.limits import Limits
from tradeapi.streams.positions import PLACES
from tradeapi.tracked.answers import document
from tradeapi.tracked.live.channel import JobsChannel
from tradeapi.tracked.live.followed import FollowedJobs


class LiveJobs(Watched):
    """One process; others on the same database are other processes."""

    def __init__(self, database: Database, owner: UUID, bus: Bus, served: Served) -> None:
        super().__init__(database, owner, bus)
        self.url = served.url
        self.events_url = served.events_url


class Page(Topic):
    """What a page shows of a job."""

    def __init__(self) -> None:
        super().__init__()
        self.job: dict[str, Any] = {}

    @property
    def version(self) -> int:
        return self.seq // PLACES

    def says(self, message: str) -> bool:
        return bool(self.job["message"] == message)

    def apply(self, frame: Frame) -> None:
        self.kinds.append(frame["type"])
        match frame["type"]:
            case "snapshot":
                assert frame["epoch"] != self.epoch or frame["seq"] >= self.seq
                self.epoch = frame["epoch"]
            case "error":
                self.epoch = ""
                return
            case type:
                assert type == "job"
                assert self.seq < frame["seq"]
                assert frame["prev"] < frame["seq"]
                assert self.job["progress"] <= frame["job"]["progress"]
        self.job = dict(frame["job"])
        self.seq = frame["seq"]

    async def agrees(self, jobs: Watched) -> bool:
        """Whether it shows what HTTP answers."""
        job = await jobs.get(UUID(self.job["id"]))
        return self.job == document(job) and self.version == job.version


async def follow(guest: Client, id: UUID, page: Page | None = None) -> Page:
    topic = f"jobs:{id}"
    page = guest.charts[topic] = page or Page()
    options: dict[str, Any] = {}
    if page.epoch:
        options["resume"] = {topic: {"epoch": page.epoch, "seq": page.seq}}
    heard = len(page.kinds)
    await guest.say(op="subscribe", topics=[topic], **options)
    assert (await guest.hear_type("ack"))["rejected"] == []
    await guest.hear_until(lambda: len(page.kinds) > heard)
    return page


@asynccontextmanager
async def live_jobs(
    database: Database, owner: UUID, authority: Authority, bus: Bus | None = None
) -> AsyncIterator[LiveJobs]:
    bus = bus or MemoryBus()
    hub = Hub(Limits(), SystemClock())
    async with (
        FollowedJobs(database, bus, hub) as followed,
        serve_hub(hub, authority=authority) as served,
    ):
        hub.register("jobs", JobsChannel(followed))
        yield LiveJobs(database, owner, bus, served)
