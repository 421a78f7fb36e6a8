"""What one socket may ask for, and what happens to one that asks for too much."""

from dataclasses import dataclass
from typing import Self

from tradeapi.settings import Settings
from tradeapi.web.drain import farewell_seconds

FAULTS = 20
FAULTS_SECONDS = 60.0
# Of topics that can't be had: they cost as much as a message.
LOOKUPS_OF_A_MESSAGE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`pending` bounds the frames that wait for one socket; beyond it the socket is closed.
    `kept_bytes` is how large all snapshots together may be that are kept for the next who asks.
    """

    connections: int = 10_000
    connections_per_user: int = 50
    topics: int = 500
    frame_bytes: int = 64 * 1024
    messages_per_second: int = 20
    burst: int = 60
    pending: int = 4096
    kept_bytes: int = 32 * 1024 * 1024
    auth_seconds: float = 5
    send_seconds: float = 10
    heartbeat_seconds: float = 15
    linger_seconds: float = 30
    drain_seconds: float = 0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            connections=settings.websocket_connections,
            connections_per_user=settings.websocket_connections_per_user,
            topics=settings.websocket_topics,
            frame_bytes=settings.websocket_frame_bytes,
            messages_per_second=settings.websocket_messages_per_second,
            burst=settings.websocket_message_burst,
            send_seconds=settings.websocket_timeout_seconds,
            drain_seconds=farewell_seconds(settings.drain_seconds),
        )


class Conduct:
    """Counts one client's messages and faults; knows no clock."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._allowance = float(limits.burst)
        self._counted = float("-inf")
        self._faults = 0
        self._first_fault = 0.0
        self._too_many = 0

    def allows(self, now: float) -> bool:
        """Whether one more message is within the rate."""
        gained = (now - self._counted) * self._limits.messages_per_second
        self._allowance = min(self._limits.burst, self._allowance + gained)
        self._counted = now
        if self._allowance == self._limits.burst:
            self._too_many = 0
        if self._allowance < 1:
            self._too_many += 1
            return False
        self._allowance -= 1
        return True

    def pay(self, lookups: int) -> None:
        """Count what was looked up for nothing like messages: each may ask for hundreds."""
        self._allowance -= lookups / LOOKUPS_OF_A_MESSAGE

    def behaves(self) -> None:
        self._faults = 0

    def is_abuse(self, now: float) -> bool:
        """Count a fault; whether it ends a row of them that is too long to be a mistake.

        As long is a row of messages too many, whatever lies between them, without a rest.
        """
        if not self._faults or now - self._first_fault > FAULTS_SECONDS:
            self._faults, self._first_fault = 0, now
        self._faults += 1
        return max(self._faults, self._too_many) >= FAULTS
