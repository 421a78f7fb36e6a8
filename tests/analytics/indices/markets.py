"""Made-up markets with everything that happens to stocks, and the rules of indices on them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from tradeapi.analytics.indices.basket import Basket
from tradeapi.analytics.indices.engine import Engine
from tradeapi.analytics.indices.methodology import Methodology, Return, Schedule, Weighting
from tradeapi.analytics.indices.panel import Event, Panel, ordered

DAY = 86400
NEVER = 2**62
# A Thursday.
FIRST = 19_000 * DAY


@dataclass(frozen=True)
class Chances:
    """Of what happens to one stock on one day."""

    halt: float = 0.05
    split: float = 0.02
    dividend: float = 0.05
    special: float = 0.01
    count: float = 0.03
    delisting: float = 0.1


QUIET = Chances(0, 0, 0, 0, 0, 0)


def market(
    seed: int, *, sessions: int = 30, stocks: int = 8, chances: Chances | None = None
) -> Panel:
    """Stocks whose raw prices jump with their splits and fall by their dividends."""
    may = chances or Chances()
    generator = np.random.default_rng(seed)
    growth = np.exp(generator.normal(0, 0.03, (sessions, stocks)))
    close = np.empty((sessions, stocks))
    events: dict[int, list[Event]] = defaultdict(list)
    price = generator.uniform(5, 200, stocks)
    for row in range(sessions):
        for stock in range(stocks):
            if row and generator.random() < may.split:
                ratio = float(generator.choice([2.0, 3.0, 0.1, 1.5]))
                events[row].append(Event(stock, "split", ratio))
                price[stock] /= ratio
            for kind, chance in (("special", may.special), ("dividend", may.dividend)):
                if row and generator.random() < chance:
                    amount = float(price[stock] * generator.uniform(0.001, 0.05))
                    events[row].append(Event(stock, kind, amount))  # type: ignore[arg-type]
                    price[stock] -= amount
            if row and generator.random() < may.count:
                events[row].append(Event(stock, "shares", float(generator.uniform(10, 1000))))
        price = price * growth[row]
        close[row] = price
    close[generator.random((sessions, stocks)) < may.halt] = np.nan
    listed_to = np.full(stocks, NEVER)
    for stock in range(stocks - 2):
        if generator.random() < may.delisting:
            last = int(generator.integers(1, sessions))
            close[last:, stock] = np.nan
            listed_to[stock] = FIRST + last * DAY
    return Panel(
        days=FIRST + np.arange(sessions, dtype=np.int64) * DAY,
        following=FIRST + sessions * DAY,
        close=close,
        shares=generator.uniform(10, 1000, stocks),
        listed_from=np.zeros(stocks, np.int64),
        listed_to=listed_to,
        events={row: ordered(some) for row, some in events.items()},
    )


def built(
    methodology: Methodology, panel: Panel, known: int = 0, basket: Basket | None = None
) -> list[Basket]:
    """The sessions after the first `known`, which are only looked at."""
    engine = Engine(methodology, panel.close.shape[1], basket, waits=True)
    engine.observe(panel.part(0, known))
    return list(engine.run(panel.part(known, len(panel))))


def methodologies() -> st.SearchStrategy[Methodology]:
    return st.builds(
        _methodology,
        weighting=st.sampled_from(Weighting),
        schedule=st.sampled_from(Schedule),
        count=st.sampled_from([None, 2, 3, 5]),
        buffer=st.sampled_from([0, 1]),
        lag=st.sampled_from([0, 0, 1, 3]),
        carry=st.sampled_from([0, 2, 5]),
        zero=st.booleans(),
        returns=st.sampled_from(Return),
        cost=st.sampled_from([0.0, 0.001, 0.02]),
    )


def _methodology(  # noqa: PLR0917
    weighting: Weighting,
    schedule: Schedule,
    count: int | None,
    buffer: int,
    lag: int,
    carry: int,
    zero: bool,
    returns: Return,
    cost: float,
) -> Methodology:
    return Methodology(
        count=count,
        buffer=buffer if count and count > buffer else 0,
        weighting=weighting,
        # Feasible also where few are left.
        cap=1.0 if weighting is Weighting.CAPPED else None,
        custom={stock: 1.0 + stock for stock in range(8)},
        window=4,
        schedule=schedule,
        dates=FIRST + np.array([3, 11, 20], np.int64) * DAY,
        lag=lag,
        carry=carry,
        delisted_at_zero=zero,
        returns=returns,
        withholding=0.25 if returns is Return.NET else 0.0,
        cost=cost,
    )


def told(baskets: Sequence[Basket]) -> list[list[object]]:
    """All of them, to be compared bit for bit."""
    return [
        [
            part.tobytes() if isinstance(part, np.ndarray) else part
            for part in (
                one.day,
                one.level,
                one.divisor,
                one.members,
                one.shares,
                one.price,
                one.outstanding,
                one.age,
                one.turnover,
                one.before,
            )
        ]
        for one in baskets
    ]


def permuted(panel: Panel, order: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Panel:
    """The same stocks in other columns: column `order[n]` becomes column n."""
    place = np.argsort(order)
    return replace(
        panel,
        close=panel.close[:, order],
        shares=panel.shares[order],
        listed_from=panel.listed_from[order],
        listed_to=panel.listed_to[order],
        events={
            row: ordered([event._replace(column=int(place[event.column])) for event in events])
            for row, events in panel.events.items()
        },
    )
