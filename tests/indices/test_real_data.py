"""An index of real stocks, beside one that is computed from their file by hand."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from tests.indices.desk import Desk
from tests.market.imports import import_bars, import_symbols
from tradeapi.analytics.bars import BoolArray, Float64Array
from tradeapi.analytics.indices.sample import Terms
from tradeapi.database import Database
from tradeapi.indices.holdings.changes import Asked, changes
from tradeapi.indices.holdings.reading import Sessions
from tradeapi.indices.performance.shown import Shown
from tradeapi.indices.published import Published
from tradeapi.market.calendars.source import build
from tradeapi.market.symbols.exchanges import Exchanges

FOLDER = Path(__file__).parents[3] / "shared" / "data"
STOCKS = FOLDER / "sp500_daily_2015_2020.parquet"
NAMES = FOLDER / "sp500_symbols.csv"
COUNT, CARRY = 100, 5
# 2020-01-11, after the last session of the file.
SATURDAY = 1578700800

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not FOLDER.exists(), reason=f"there is no {FOLDER}"),
]


@dataclass(frozen=True, slots=True)
class Closes:
    """Of sessions (rows) and tickers (columns), both ascending; NaN for none."""

    days: Sequence[str]
    tickers: Sequence[str]
    close: Float64Array
    shares: Float64Array


@dataclass(frozen=True, slots=True)
class Path100:
    """The levels of the 100 largest at equal weights, and who they are after each close."""

    levels: list[float] = field(default_factory=lambda: [1000.0])
    members: list[list[int]] = field(default_factory=list)


async def test_five_years_of_stocks_are_what_they_are_by_hand(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Levels, constituents, changes and measures; and not what hindsight would make of them."""
    closes = _read()
    async with Database(sqlite_url) as database:
        desk = Desk(database)
        desk.clock.time = SATURDAY
        await desk.keep_calendar("XNYS", build("XNYS"))
        exchanges = Exchanges(database, desk.calendars, desk.directory)
        await exchanges.put("US", calendar="XNYS", currency="USD", name="")
        await import_bars(desk, STOCKS, rejects_to=tmp_path / "rejects.csv")
        await import_symbols(desk, NAMES)
        await desk.define("EW100")
        await desk.build("EW100")
        series = await Published(database, desk.bus).get("EW100")
        sessions = Sessions(database, series)
        asked = Asked(range=slice(0, len(series.days)), after=None, limit=2000, is_all=False)
        told, _ = await changes(sessions, asked)
        held = await desk.sessions("EW100")
        names = await sessions.names(np.unique(np.concatenate([one.ids for one in held])))

    by_hand = _path(closes)
    assert [str(day) for day in series.days.astype("datetime64[s]").astype("datetime64[D]")] == [
        *closes.days
    ]
    np.testing.assert_allclose(series.levels, by_hand.levels, rtol=1e-12)
    tickers = [{closes.tickers[column] for column in columns} for columns in by_hand.members]
    ours = [{str(names[id].symbol).removeprefix("US:") for id in one.ids.tolist()} for one in held]
    assert ours == tickers
    moved = {
        day: (new - old, old - new)
        for day, old, new in zip(closes.days[1:], tickers, tickers[1:], strict=False)
        if old != new
    }
    assert {
        item["date"]: tuple(
            {move["symbol"].removeprefix("US:") for move in item[side]}
            for side in ("entered", "exited")
        )
        for item in told["items"]
    } == moved

    summary = Shown(series.days, series.levels).summary(Terms())["summary"]
    measured = _measures(closes.days, np.array(by_hand.levels))
    assert {name: summary[name] for name in measured} == pytest.approx(measured, rel=1e-9)
    assert summary["cagr"] == pytest.approx(0.0903, abs=5e-5)
    # Whoever picks by a session's own close, and books its return, has picked the winners.
    hindsight = _measures(closes.days, np.array(_path(closes, hindsight=True).levels))
    assert hindsight["cagr"] == pytest.approx(0.1432, abs=5e-5)


def _read() -> Closes:
    """Without the rows that contradict themselves, as they are not imported."""
    table = pyarrow.parquet.read_table(STOCKS)
    open, high, low, close = (table[name].to_numpy() for name in ("open", "high", "low", "close"))
    is_sound: BoolArray = (low > 0) & (low <= np.minimum(open, close))
    is_sound &= high >= np.maximum(open, close)
    days, row = np.unique(table["date"].to_numpy().astype(str), return_inverse=True)
    tickers, column = np.unique(table["ticker"].to_numpy().astype(str), return_inverse=True)
    closes = np.full((len(days), len(tickers)), np.nan)
    closes[row[is_sound], column[is_sound]] = close[is_sound]
    with NAMES.open(newline="", encoding="utf-8") as file:
        shares = {one["ticker"]: float(one["shares_outstanding"]) for one in csv.DictReader(file)}
    counts = np.array([shares.get(ticker, np.nan) for ticker in tickers.tolist()])
    return Closes(days.tolist(), tickers.tolist(), closes, counts)


def _path(closes: Closes, *, hindsight: bool = False) -> Path100:
    path, width = Path100(), len(closes.tickers)
    price, age = np.full(width, np.nan), np.full(width, CARRY + 1)
    for row, close in enumerate(closes.close):
        before, is_traded = price, ~np.isnan(close)
        price = np.where(is_traded, close, price)
        age = np.where(is_traded, 0, age + 1)
        size = np.where(age <= CARRY, price * closes.shares, np.nan)
        known = np.flatnonzero(~np.isnan(size)).tolist()
        largest = sorted(known, key=lambda column: (-size[column], column))[:COUNT]
        if row:
            held = largest if hindsight else path.members[-1]
            growth = price[held] / before[held]
            path.levels.append(path.levels[-1] * float(np.nanmean(growth)))
        path.members.append(largest)
    return path


def _measures(days: Sequence[str], levels: Float64Array) -> dict[str, float]:
    returns = levels[1:] / levels[:-1] - 1
    growth, deviation = levels[-1] / levels[0], np.std(returns, ddof=1)
    years = (np.datetime64(days[-1]) - np.datetime64(days[0])).astype(int) / 365.25
    return {
        "total_return": growth - 1,
        "cagr": growth ** (252 / len(returns)) - 1,
        "cagr_calendar": growth ** (1 / years) - 1,
        "volatility": deviation * np.sqrt(252),
        "sharpe": returns.mean() / deviation * np.sqrt(252),
        "max_drawdown": np.min(levels / np.maximum.accumulate(levels)) - 1,
    }
