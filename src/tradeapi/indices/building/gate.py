"""Whether the data of new sessions can be trusted; what is published is hard to take back."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple, Self

import numpy as np

from tradeapi.analytics.indices.basket import Basket, total
from tradeapi.analytics.indices.panel import Panel
from tradeapi.drivers import Raw
from tradeapi.indices.universe import Universe
from tradeapi.market.calendars.days import date_at, day_of
from tradeapi.market.resolutions import Resolution

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

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        day = day_of(date.fromisoformat(document["date"]))
        return cls(document["code"], day, document["symbol"], document["detail"])

    def document(self) -> dict[str, Any]:
        day = date_at(self.day).isoformat()
        return {"code": self.code, "date": day, "symbol": self.symbol, "detail": self.detail}


def found(
    universe: Universe,
    panel: Panel,
    before: Basket | None,
    baskets: Sequence[Basket],
    *,
    carry: int,
) -> Iterator[Finding]:
    """What is odd in the closes that baskets of a panel's sessions, which follow from the one
    `before`, rest on."""
    yield from _jumps(universe, panel, before, baskets)
    for basket in baskets:
        weights = basket.weights
        missing = total(weights[basket.age > 0])
        if missing > MOST_MISSING:
            detail = f"{missing:.1%} of the weight has no price of this session."
            yield Finding("missing", basket.day, None, detail)
        for column, age in zip(basket.members.tolist(), basket.age.tolist(), strict=True):
            if age > carry:
                detail = f"The last price is {age} sessions old."
                symbol = universe.members[column].symbol or None
                yield Finding("stale", basket.day, symbol, detail)


def gone(universe: Universe, before: Basket, day: int) -> Iterator[Finding]:
    """Constituents that were removed since, and are paid their last prices on this day."""
    is_gone = [not universe.members[column].symbol for column in before.members.tolist()]
    missing = total(before.weights[is_gone])
    if missing > MOST_MISSING:
        yield Finding("missing", day, None, f"{missing:.1%} of the weight was removed.")


def _jumps(
    universe: Universe, panel: Panel, before: Basket | None, baskets: Sequence[Basket]
) -> Iterator[Finding]:
    """Also of who was sold at that very close: the level rests on what he is sold at."""
    held = {basket.day: set(basket.members.tolist()) for basket in baskets}
    built = {*held}
    if before is not None:
        held[before.day] = set(before.members.tolist())
    with np.errstate(divide="ignore", invalid="ignore"):
        changes = panel.close[1:] / panel.close[:-1] - 1.0
        rows, columns = np.nonzero(np.abs(changes) > MOST_CHANGE)
    for row, column in zip((rows + 1).tolist(), columns.tolist(), strict=True):
        day = int(panel.days[row])
        members = held.get(day, set()) | held.get(int(panel.days[row - 1]), set())
        acted = {event.column for event in panel.events.get(row, ()) if event.kind != "shares"}
        if day in built and column in members - acted:
            detail = f"The close changed by {changes[row - 1, column]:+.0%} without an action."
            yield Finding("jump", day, universe.members[column].symbol, detail)


async def unsound(raw: Raw, universe: Universe, baskets: Sequence[Basket]) -> Sequence[Finding]:
    """Bars of the constituents whose prices contradict one another, at the live edge."""
    findings = []
    for basket in baskets:
        chosen, ids = raw.one_of("$1", universe.ids[basket.members].tolist())
        for symbol_id, *bar in await raw.fetch(_UNSOUND.format(chosen), ids, basket.day):
            open, high, low, close, volume = bar
            symbol = universe.members[universe.columns[symbol_id]].symbol
            if volume >= 0:
                detail = f"Open {open:g}, high {high:g}, low {low:g}, close {close:g}."
                findings.append(Finding("ohlc", basket.day, symbol, detail))
            else:
                findings.append(Finding("volume", basket.day, symbol, f"It is {volume:g}."))
    return findings


_UNSOUND = f"""
SELECT symbol_id, open, high, low, close, volume FROM bar_rows
WHERE symbol_id {{}} AND resolution = {Resolution.DAY.seconds} AND time = $2 AND NOT (
  low <= open AND low <= close AND open <= high AND close <= high AND volume >= 0
)
"""  # noqa: S608
