"""Real market data into the database, where there is some to try."""

from pathlib import Path

import pyarrow.parquet
import pytest

from tests.market.imports import counts, import_bars, import_symbols, rejected
from tests.market.places import Market
from tradeapi.market.resolutions import Resolution

FOLDER = Path(__file__).parents[3] / "shared" / "data"
STOCKS = FOLDER / "sp500_daily_2015_2020.parquet"
NAMES = FOLDER / "sp500_symbols.csv"
COIN = FOLDER / "btcusd_1m_2022_01.csv"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason=f"there is no {FOLDER}")


async def test_five_years_of_stocks_are_imported_but_for_the_faulty_rows(
    market: Market, tmp_path: Path
) -> None:
    """Two names have two rows of their last day, one has a row of zeros."""
    to = tmp_path / "rejects.csv"
    [summary] = await import_bars(market, STOCKS, rejects_to=to)
    assert summary.read == 592_358
    assert counts(summary) == (592_352, 0, 0, 6)
    assert [(reason, row.split(",")[:2]) for _, reason, row in rejected(to)] == [
        ("outside_range", ["2020-01-10", "CBOE"]),
        ("price_not_positive", ["2019-12-04", "CBS"]),
        ("outside_range", ["2020-01-10", "DIS"]),
        ("outside_range", ["2018-06-01", "DXC"]),
        ("duplicate", ["2019-12-06", "STI"]),
        ("duplicate", ["2019-12-04", "VIAB"]),
    ]
    [named] = await import_symbols(market, NAMES)
    assert counts(named) == (0, 471, 0, 0)
    market.directory.clear()
    apple = await market.directory.get("US:AAPL")
    assert apple.name.startswith("Apple")
    bars = await market.read(apple, Resolution.DAY)
    table = pyarrow.parquet.read_table(STOCKS, filters=[("ticker", "=", "AAPL")])
    assert bars.close.tolist() == table["close"].to_pylist()
    assert bars.volume.tolist() == table["volume"].to_pylist()
    [again] = await import_bars(market, STOCKS, rejects_to=to)
    assert counts(again) == (0, 0, 592_352, 6)


async def test_a_month_of_minutes_is_imported_whole(market: Market, tmp_path: Path) -> None:
    """The resolution is told by the spacing, and coarser bars follow."""
    to = tmp_path / "rejects.csv"
    [summary] = await import_bars(market, COIN, symbol="CRYPTO:BTCUSD", rejects_to=to)
    assert counts(summary) == (45_031, 0, 0, 0)
    assert "The bars are of 1m." in summary.remarks
    coin = await market.directory.get("CRYPTO:BTCUSD")
    assert len(await market.read(coin, Resolution.DAY)) == 33
    assert (await market.read(coin, Resolution.MINUTE)).time[-1] == 1643693460
