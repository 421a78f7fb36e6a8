"""Two processes on one database, and the Redis between them at the end of a cable."""

from dataclasses import dataclass

from anyio.from_thread import BlockingPortal

from tests.hostile.serving import Server, eventually
from tests.streams.cable import Cable
from tests.web.redis_process import RedisProcess


@dataclass(frozen=True, slots=True)
class Together:
    """The cable is in the event loop of the portal, where it passes on whatever a test does."""

    one: Server
    two: Server
    redis: RedisProcess
    cable: Cable
    portal: BlockingPortal

    @property
    def places(self) -> tuple[str, str]:
        return self.one.url, self.two.url

    @property
    def received(self) -> float:
        """How much news either has had of the other."""
        return sum(one.metric("bus_events_received_total") for one in (self.one, self.two))

    def cut(self) -> None:
        self.portal.call(self.cable.cut)

    def mend(self) -> None:
        self.portal.call(self.cable.mend)

    def settle(self) -> None:
        """Until both hear each other, whatever was done to Redis."""
        self.redis.go_on()
        for server in (self.one, self.two):
            for _ in eventually(60):
                if server.metric("bus_live") == 1:
                    break
