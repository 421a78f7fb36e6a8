"""Three processes on one database, and the Redis between them at the end of a cable."""

from dataclasses import dataclass

from anyio.from_thread import BlockingPortal

from tests.hostile.serving import Server, eventually
from tests.streams.cable import Cable
from tests.web.redis_process import RedisProcess


@dataclass(frozen=True, slots=True)
class Together:
    """The cable is in the event loop of the portal, where it passes on whatever a test does.

    Frames reach the socket another way in each process: written past ASGI, compressed, and through
    ASGI alone.
    """

    one: Server
    two: Server
    plain: Server
    redis: RedisProcess
    cable: Cable
    portal: BlockingPortal

    @property
    def servers(self) -> tuple[Server, ...]:
        return self.one, self.two, self.plain

    @property
    def places(self) -> tuple[str, ...]:
        return tuple(server.url for server in self.servers)

    @property
    def received(self) -> float:
        """How much news they have had of each other."""
        return sum(one.metric("bus_events_received_total") for one in self.servers)

    def cut(self) -> None:
        self.portal.call(self.cable.cut)

    def mend(self) -> None:
        self.portal.call(self.cable.mend)

    def settle(self) -> None:
        """Until all hear each other, whatever was done to Redis."""
        self.redis.go_on()
        for server in self.servers:
            for _ in eventually(60):
                if server.metric("bus_live") == 1:
                    break
