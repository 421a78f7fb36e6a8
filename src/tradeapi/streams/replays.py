"""What one socket sees once more: the past of topics, at a speed of its own."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
import structlog
from anyio.lowlevel import checkpoint

from tradeapi.errors import TradeError, Unavailable
from tradeapi.streams import protocol
from tradeapi.streams.hub import RETRY_SECONDS, Hub
from tradeapi.streams.mailbox import Mailbox
from tradeapi.streams.recordings import Past, Recording
from tradeapi.streams.requests import Refused, Replay, StopReplay
from tradeapi.web.principal import Principal

MOST_REPLAYS = 4
# Nights and weekends are no longer than this, at whatever speed.
LONGEST_GAP_SECONDS = 5.0
# Who was kept waiting catches up with no more than this.
MOST_BEHIND_SECONDS = 1.0
# A timer for less costs more than it is worth.
SHORTEST_WAIT_SECONDS = 0.005
RETRIES = 10

Task = Callable[[], Coroutine[Any, Any, None]]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, eq=False)
class Playing:
    """One replay under way."""

    name: str
    request: Replay
    recording: Recording
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)


class Replays:
    """Each runs in a task of those that `beside` starts, which end with the socket."""

    def __init__(
        self,
        hub: Hub,
        mailbox: Mailbox,
        beside: Callable[[Task], None],
    ) -> None:
        self._hub = hub
        self._mailbox = mailbox
        self._playing: dict[str, Playing] = {}
        self._started = 0
        self._beside = beside

    async def start(self, request: Replay, principal: Principal) -> None:
        """Raises Refused for what can't be replayed, or has nothing in that time."""
        if len(self._playing) >= MOST_REPLAYS:
            detail = f"A socket has up to {MOST_REPLAYS} replays; stop one."
            raise Refused("too_many_replays", detail, id=request.id)
        try:
            await self._hub.admit(request.topic, principal)
            recording = await self._hub.replay(request.topic, request.start, request.end)
            first = await recording.read()
        except TradeError as error:
            raise _refused(error, request) from error
        if not first:
            detail = f"There is nothing of {request.topic} in that time."
            raise Refused("not_found", detail, id=request.id)
        self._started += 1
        playing = Playing(f"r{self._started}", request, recording)
        self._playing[playing.name] = playing
        self._say(playing, protocol.replay(request.id, playing.name, "started"))
        self._beside(partial(self._play, playing, first))

    def stop(self, request: StopReplay) -> None:
        playing = self._playing.get(request.replay)
        if playing is None:
            detail = f"There is no replay {request.replay}."
            raise Refused("not_found", detail, field="replay", id=request.id)
        self._end(playing, protocol.replay(request.id, playing.name, "stopped"))

    async def review(self, principal: Principal) -> None:
        """End those that are not for this caller, who has taken the socket over."""
        for playing in tuple(self._playing.values()):
            try:
                await self._hub.admit(playing.request.topic, principal)
            except TradeError as error:
                self._end(playing, _failure(playing, error))

    async def _play(self, playing: Playing, first: Sequence[Past]) -> None:
        try:
            with playing.scope:
                await self._send(playing, first)
                self._end(playing, protocol.replay(playing.request.id, playing.name, "ended"))
        except TradeError as error:
            self._end(playing, _failure(playing, error))
        except Exception:  # a replay that breaks must not cost the client its topics
            log.exception("stream.replay_crashed", topic=playing.request.topic)
            self._end(playing, _failure(playing, TradeError("The fault is ours.")))

    async def _send(self, playing: Playing, page: Sequence[Past]) -> None:
        """Each frame when it is due, or when the client has taken those before it."""
        clock = asyncio.get_running_loop().time
        speed, over, due = playing.request.speed, page[0].begin, clock()
        while page:
            for past in page:
                due += min(max(past.begin - over, 0) / speed, LONGEST_GAP_SECONDS)
                due += max(past.end - past.begin, 0) / speed
                over = past.end
                await _wait(due - clock())
                await self._mailbox.heard()
                if self._mailbox.is_closing:
                    return
                due = max(due, clock() - MOST_BEHIND_SECONDS)
                self._say(playing, _frame(playing, past))
                # Else the reader, who waits for the same, would find the mailbox full for ever.
                await checkpoint()
            page = await self._read(playing)

    async def _read(self, playing: Playing) -> Sequence[Past]:
        for _ in range(RETRIES):
            try:
                return await playing.recording.read()
            except Unavailable as error:
                log.warning("stream.replay_failed", replay=playing.name, error=str(error))
                await anyio.sleep(RETRY_SECONDS)
        return await playing.recording.read()

    def _end(self, playing: Playing, text: str) -> None:
        self._say(playing, text)
        self._playing.pop(playing.name, None)
        playing.scope.cancel()

    def _say(self, playing: Playing, text: str) -> None:
        """Unless it has been stopped, or nobody says anything any more."""
        if not playing.scope.cancel_called and not self._mailbox.is_closing:
            self._mailbox.say(text)


async def _wait(seconds: float) -> None:
    if seconds > SHORTEST_WAIT_SECONDS:
        await anyio.sleep(seconds)


def _frame(playing: Playing, past: Past) -> str:
    head = {"type": past.type, "topic": playing.request.topic, "replay": playing.name}
    return protocol.encode(head | dict(past.fields))


def _failure(playing: Playing, error: TradeError) -> str:
    return protocol.error(error.code, str(error), id=playing.request.id, replay=playing.name)


def _refused(error: TradeError, request: Replay) -> Refused:
    field = next((one.pointer.removeprefix("/") for one in error.errors), None)
    return Refused(error.code, str(error), field=field, id=request.id)
