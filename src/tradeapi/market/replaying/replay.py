"""A file of bars as live trades of a running service."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from httpx2 import Client
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tradeapi.analytics.bars import Bars
from tradeapi.market.replaying.recording import read_recording
from tradeapi.market.replaying.schedule import schedule
from tradeapi.market.replaying.target import TIMEOUT_SECONDS, Target, clock
from tradeapi.market.resolutions import Resolution

DONE, REFUSED, INTERRUPTED = 0, 1, 130
_MINUTE = Resolution.MINUTE.seconds

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Replay:
    """What to replay where; `limit` is how many of the file's bars, None for all of them."""

    file: Path
    symbol: str
    speed: float
    url: str
    reset: bool
    limit: int | None
    api_key: str | None = field(default=None, repr=False)

    def run(self, tell: Tell) -> int:
        """The command's exit code; raises TradeError where nothing can be replayed."""
        bars, left_out = read_recording(self.file, self.symbol, now=time.time())
        bars = bars[: self.limit]
        if left_out:
            tell(f"Left out, because they are no bars: {left_out:,} rows of {self.file}.")
        # As a bearer, since the header for keys may have another name there.
        headers = {"authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        with Client(base_url=self.url, timeout=TIMEOUT_SECONDS, headers=headers) as client:
            target = Target(client, self.symbol)
            self._prepare(target, bars, tell)
            began = time.monotonic()
            is_stopped = False
            try:
                self._send(target, bars, began)
            except KeyboardInterrupt:
                is_stopped = True
            finally:
                tell(_summary(target, time.monotonic() - began))
        if is_stopped:
            tell(f"Stopped at {clock(target.reached)}; --reset begins anew.")
            return INTERRUPTED
        return REFUSED if target.refused else DONE

    def _prepare(self, target: Target, bars: Bars, tell: Tell) -> None:
        if target.create():
            tell(f"{self.symbol} is new.")
        start, end = int(bars.time[0]), int(bars.time[-1]) + _MINUTE
        removed = target.make_way(start, end, reset=self.reset)
        if removed:
            tell(f"{removed:,} bars were deleted.")
        tell(
            f"Replaying {len(bars):,} bars of {self.symbol}, {clock(start)} to {clock(end)}, at "
            f"{self.speed:g} times their speed."
        )

    def _send(self, target: Target, bars: Bars, began: float) -> None:
        with _display(bars) as show:
            for batch in schedule(bars, self.speed):
                time.sleep(max(began + batch.due - time.monotonic(), 0))
                target.send(batch.ticks)
                show(target.reached)


@contextmanager
def _display(bars: Bars) -> Iterator[Callable[[float], None]]:
    """A bar on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    with Progress(
        *columns, console=console, disable=not console.is_terminal, transient=True
    ) as progress:
        task = progress.add_task("", total=len(bars))

        def show(instant: float) -> None:
            done = int(bars.time.searchsorted(instant, "right"))
            progress.update(task, completed=done, description=clock(instant))

        yield show


def _summary(target: Target, seconds: float) -> str:
    counts = ", ".join(f"{count:,} {status}" for status, count in target.statuses.most_common())
    return f"Trades in {seconds:.1f} s: {counts or 'none'}."
