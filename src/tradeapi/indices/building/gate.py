"""Whether the data of new sessions can be trusted; what is published is hard to take back."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tradeapi.analytics.indices.basket import Basket, total
from tradeapi.analytics.indices.panel import Panel
from tradeapi.database import Database
from tradeapi.indices.universe import Universe
from tradeapi.market.calendars.days import DAY, date_at
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.history import Window, history

# A change of a close by more than this, without a corporate action, is rather a mistake.
MOST_CHANGE = 0.5
# More of the index's weight without a price of the session: its data is not in yet.
MOST_MISSING = 0.05
MOST_FINDINGS = 100


class Finding(NamedTuple):
    """`code` is `jump`, `missing`, `stale`, `ohlc` or `volume`; `symbol` None: of the index."""

    code: str
    day: int
    symbol: str | None
    detail: str

    def document(self) -> Mapping[str, object]:
        date = date_at(self.day).isoformat()
        return {"code": self.code, "date": date, "symbol": self.symbol, "detail": self.detail}


def found(
    universe: Universe, panel: Panel, baskets: Sequence[Basket], *, carry: int
) -> Iterator[Finding]:
    """What is odd in the closes that baskets of a panel's sessions rest on."""
    yield from _jumps(universe, panel, baskets)
    for basket in baskets:
        weights = basket.weights
        missing = total(weights[basket.age > 0])
        if missing > MOST_MISSING:
            detail = f"{missing:.1%} of the weight has no price of this session."
            yield Finding("missing", basket.day, None, detail)
        for column, age in zip(basket.members.tolist(), basket.age.tolist(), strict=True):
            if age > carry:
                detail = f"The last price is {age} sessions old."
                yield Finding("stale", basket.day, universe.members[column].symbol, detail)


def _jumps(universe: Universe, panel: Panel, baskets: Sequence[Basket]) -> Iterator[Finding]:
    held = {basket.day: set(basket.members.tolist()) for basket in baskets}
    with np.errstate(divide="ignore", invalid="ignore"):
        changes = panel.close[1:] / panel.close[:-1] - 1.0
        rows, columns = np.nonzero(np.abs(changes) > MOST_CHANGE)
    for row, column in zip((rows + 1).tolist(), columns.tolist(), strict=True):
        day = int(panel.days[row])
        members = held.get(day, set()) | held.get(int(panel.days[row - 1]), set())
        acted = {event.column for event in panel.events.get(row, ()) if event.kind != "shares"}
        if day in held and column in members - acted:
            detail = f"The close changed by {changes[row - 1, column]:+.0%} without an action."
            yield Finding("jump", day, universe.members[column].symbol, detail)


async def unsound(
    database: Database, universe: Universe, baskets: Sequence[Basket]
) -> Sequence[Finding]:
    """Bars of the constituents whose prices contradict one another."""
    findings = []
    for basket in baskets:
        for column in basket.members.tolist():
            member = universe.members[column]
            async with database.read() as raw:
                stretch = Window(limit=1, start=basket.day, end=basket.day + DAY)
                bars = (await history(raw, member.id, Resolution.DAY, stretch)).bars
            for low, high, open, close, volume in zip(
                bars.low, bars.high, bars.open, bars.close, bars.volume, strict=True
            ):
                if not low <= min(open, close) <= max(open, close) <= high:
                    detail = f"Open {open}, high {high}, low {low}, close {close}."
                    findings.append(Finding("ohlc", basket.day, member.symbol, detail))
                if not volume >= 0:
                    detail = f"The volume is {volume}."
                    findings.append(Finding("volume", basket.day, member.symbol, detail))
    return findings
