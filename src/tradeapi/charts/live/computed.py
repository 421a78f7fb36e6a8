"""One series of a chart that is an indicator: its newest points, as they were told."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, NamedTuple

import orjson
import structlog

from tradeapi.charts.events import MOST_TOLD
from tradeapi.charts.live.carried import Carried, Level, Opened, open_chain
from tradeapi.charts.live.grounds import Ground
from tradeapi.charts.live.reading import Shown
from tradeapi.charts.points import as_number
from tradeapi.errors import Conflict, Invalid, NotFound

CLOSE = 1e-11

log = structlog.get_logger()


class Computed:
    """Carried on with each point of the `ground`, the series that all of it goes back to.

    What is revised there can only be answered by opening it again. Until that is done it is stale.
    """

    def __init__(self, name: str, levels: Sequence[Level], beneath: str, ground: Ground) -> None:
        self.name = name
        self.beneath = beneath
        self._levels = levels
        self._ground = ground
        self._points: dict[float, float] = {}
        self._has_more_before = False
        self._most = 0
        self._carried: Carried | None = None
        # Points from here on are other ones now.
        self._since = -inf
        # What was told while it is opened, by time.
        self._pending: dict[float, Any] | None = None

    @property
    def is_stale(self) -> bool:
        return self._since < inf

    @property
    def version(self) -> int:
        """Of the pushed points beneath: what is not newer is known."""
        return self._ground.version

    def has(self, count: int) -> bool:
        return not self.is_stale and (not self._has_more_before or len(self._points) >= count)

    def doubt(self, since: float = -inf) -> None:
        self._since = min(self._since, since)

    def reach(self, version: int) -> None:
        self._ground.version = version

    def put(self, time: float, news: Any) -> float | None:  # noqa: ANN401  as the ground takes it
        """The value of the newest point, if there is one to be told."""
        if self._pending is not None:
            self._pending[time] = news
            return None
        if self.is_stale:
            self.doubt(time)
            return None
        if self._carried is None:
            return None
        if time < self._carried.last:
            self.doubt(time)
            return None
        value = self._carried.put(time, self._ground.bar(news))
        if value is None:
            if time in self._points:
                # Points can not be taken back one by one.
                self.doubt()
            return None
        self._points[time] = value
        if len(self._points) > self._most:
            del self._points[next(iter(self._points))]
            self._has_more_before = True
        return value

    async def open(self, count: int) -> "Other | None":
        """Have the newest points anew; what of them has not been told."""
        before, since = self._points, self._since
        self._since, self._pending = inf, {}
        opened = None
        try:
            opened = await open_chain(self._ground, self._levels, count)
        except (Invalid, NotFound, Conflict) as error:
            # Who reads it by HTTP is told so.
            log.info("chart.not_computed", series=self.name, reason=error.code)
        except BaseException:
            self.doubt(since)
            raise
        finally:
            pending, self._pending = self._pending, None
        self._begin(opened, count)
        for time in sorted(pending):
            self.put(time, pending[time])
        return self._other(before, since)

    def newest(self, count: int) -> Shown:
        times = list(self._points)[-count:] if count else []
        has_more = self._has_more_before or len(times) < len(self._points)
        return Shown(written({time: self._points[time] for time in times}), has_more)

    def _begin(self, opened: Opened | None, count: int) -> None:
        self._points = {} if opened is None else opened.points
        self._has_more_before = opened is not None and opened.has_more_before
        self._carried = None if opened is None else opened.carried
        self._most = 2 * count

    def _other(self, before: Mapping[float, float], since: float) -> "Other | None":
        begin, oldest = next(iter(self._points), inf), next(iter(before), -inf)
        is_gone = any(time >= begin and time not in self._points for time in before)
        is_near = since >= begin or (since > -inf and not self._has_more_before)
        if is_gone or not is_near:
            return Other(None)
        changed = {
            time: value
            for time, value in self._points.items()
            if (not _agree(value, before[time]) if time in before else time >= min(since, oldest))
        }
        if len(changed) > MOST_TOLD:
            return Other(None)
        return Other(changed) if changed else None


class Other(NamedTuple):
    """The points that are other ones now; None: all may be."""

    points: Mapping[float, float] | None


def written(points: Mapping[float, float]) -> bytes:
    return orjson.dumps([{"time": as_number(time), "value": points[time]} for time in points])


def _agree(one: float, other: float) -> bool:
    """Whether they differ by no more than where the reading began may make of it."""
    return abs(one - other) <= CLOSE * max(1.0, abs(one), abs(other))
