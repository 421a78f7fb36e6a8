"""The topic `status`: whether this process hears at once of what others write."""

import secrets
from contextlib import ExitStack
from typing import Never

from tradeapi.bus.port import Bus, State
from tradeapi.errors import FieldError, Invalid, NotFound
from tradeapi.streams.topics import Change, Snapshot, Topic
from tradeapi.web.principal import Principal


class StatusSource:
    """Each process has a state of its own, so a position means nothing in another one."""

    resumes = False
    rest = "/health/ready"

    def __init__(self, topic: Topic, bus: Bus) -> None:
        self._topic = topic
        self._bus = bus
        self._resources = ExitStack()
        self._resources.enter_context(bus.observe(self.tell))

    async def snapshot(self, history: int) -> Snapshot:  # noqa: ARG002  a state has none
        if not self._topic.is_begun:
            self._topic.begin(secrets.token_hex(4), 0)
        fields = {"status": _fields(self._bus.state)}
        return Snapshot(self._topic.seq, lambda _: fields)

    def close(self) -> None:
        self._resources.close()

    def tell(self, state: State) -> None:
        if self._topic.is_begun:
            change = Change(type="status", fields=_fields(state), key="status")
            self._topic.announce([change], self._topic.version + 1)


class StatusChannel:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def admit(self, _: str, principal: Principal) -> None:
        principal.require_market_data()

    async def open(self, topic: Topic) -> StatusSource:
        if topic.name != "status":
            detail = f"There is no topic {topic.name[:80]!r}; it is status, and no more."
            raise NotFound(detail, code="unknown_topic")
        return StatusSource(topic, self._bus)

    async def replay(self, name: str, _: object, __: object) -> Never:
        detail = f"What {name} was is not kept; replay bars."
        raise Invalid(detail, errors=[FieldError("/topic", detail)])


def _fields(state: State) -> dict[str, object]:
    return {"state": state.name, "since": round(state.since, 3)}
