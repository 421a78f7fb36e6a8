"""A stretch of updates: what the clients heard of it, and what it cost the servers."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from benchmarks.costs import MICRO
from benchmarks.processes import Served, cpu_seconds
from benchmarks.streams.crowd import Crowd, Heard
from benchmarks.streams.publisher import Plan, Sent, publish

LOOK_EVERY_SECONDS = 0.1
# After it was sent: without any for so long, or at the most.
QUIET_SECONDS, LATE_SECONDS = 0.4, 5.0


class Stretch(NamedTuple):
    """`seconds` are the CPU's, of the servers alone; `wanted` is how many deliveries were due."""

    sent: Sent
    heard: Heard
    seconds: float
    wanted: int

    @property
    def cpu(self) -> float:
        """Microseconds per delivery, which are seconds per million."""
        return self.seconds / max(1, self.heard.updates) * MICRO

    @property
    def rate(self) -> float:
        """Deliveries a second, while they came."""
        arrivals = self.heard.samples[:, 1]
        return len(arrivals) / float(np.ptp(arrivals)) * MICRO if len(arrivals) > 1 else 0.0

    def delay(self, share: float) -> float:
        """The milliseconds within which such a share of the updates came."""
        delays = self.heard.delays
        return float(np.quantile(delays, share)) * 1000 if len(delays) else float("inf")

    @property
    def how(self) -> str:
        """How late they came, and how many; a newer one stands for those it replaced."""
        parts = [f"50 / 99 % in {self.delay(0.5):.1f} / {self.delay(0.99):.1f} ms"]
        if self.heard.updates < self.wanted:
            parts.append(f"{self.heard.updates / self.wanted:.1%} came")
        if self.sent.refused:
            parts.append(f"{self.sent.refused} of {self.sent.count} ticks refused")
        return ", ".join(parts)


@dataclass(slots=True)
class Source:
    """Where updates come from and whom they reach: so many clients each."""

    plan: Plan
    servers: Sequence[Served]
    crowds: Sequence[Crowd]
    listeners: int

    def tell(self) -> Stretch:
        """The next stretch."""
        for crowd in self.crowds:
            crowd.report()
        pids = [served.pid for served in self.servers]
        before = cpu_seconds(*pids)
        sent = publish(self.plan)
        wanted = sent.count * self.listeners
        heard = self._hear(wanted)
        self.plan = replace(self.plan, first=self.plan.first + sent.count)
        return Stretch(sent, heard, cpu_seconds(*pids) - before, wanted)

    def _hear(self, wanted: int) -> Heard:
        """What has come, and still comes."""
        heard = self._report()
        latest = time.monotonic()
        until = latest + LATE_SECONDS
        while heard.updates < wanted and time.monotonic() < min(until, latest + QUIET_SECONDS):
            time.sleep(LOOK_EVERY_SECONDS)
            more = self._report()
            heard += more
            if more.updates:
                latest = time.monotonic()
        return heard

    def _report(self) -> Heard:
        first, *others = (crowd.report() for crowd in self.crowds)
        return sum(others, first)


def in_turns(*sources: Source, rounds: int) -> list[tuple[Stretch, ...]]:
    """Several stretches of each."""
    return list(zip(*([source.tell() for source in sources] for _ in range(rounds)), strict=True))


# Whatever else the machine does only makes it worse.
def cheapest(stretches: Iterable[Stretch]) -> Stretch:
    return min(stretches, key=lambda one: one.cpu)


def quickest(stretches: Iterable[Stretch]) -> Stretch:
    return min(stretches, key=lambda one: one.delay(0.99))
