"""Files of bars into the database."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.market.conftest import CalendarData
from tests.market.imports import HEADER, counts, day, import_bars, rejected, write
from tests.market.places import Market
from tradeapi.analytics.bars import Bars
from tradeapi.market.importing.bar_reader import BarReader
from tradeapi.market.importing.bars import BARS_AT_ONCE
from tradeapi.market.importing.tables import Unusable
from tradeapi.market.resolutions import Resolution
from tradeapi.market.symbols.exchanges import Exchanges


class SmallChunks(BarReader):
    """A file of some size is several chunks."""

    chunk_rows = 25_000


JANUARY = 1577836800
DAY = 86400


async def test_bars_of_a_file_become_history(market: Market, tmp_path: Path) -> None:
    """Symbols and exchange are created, the resolution is told by the spacing."""
    path = write(
        tmp_path / "bars.csv",
        HEADER,
        "2020-01-01,AAPL,1,3,0.5,2,100",
        "2020-01-02,AAPL,2,4,1.5,3,200",
        "2020-01-01,msft,10,30,5,20,1000",
        "2020-01-02,msft,20,40,15,30,2000",
    )
    [summary] = await import_bars(market, path)
    assert counts(summary) == (4, 0, 0, 0)
    assert summary.read == 4
    assert "The bars are of 1d." in summary.remarks
    assert "New symbols: 2." in summary.remarks
    listing = await market.directory.get("US:AAPL")
    assert await market.read(listing, Resolution.DAY) == Bars.of(
        [(JANUARY, 1, 3, 0.5, 2, 100), (JANUARY + DAY, 2, 4, 1.5, 3, 200)]
    )
    assert (await market.directory.get("US:MSFT")).calendar.code == "24x7"
    assert not (tmp_path / "bars.csv.rejects.csv").exists()


async def test_a_second_run_changes_nothing(market: Market, tmp_path: Path) -> None:
    """The revision does not rise, and faulty rows are rejected again."""
    lines = [f"{day(n)},A,1,2,1,2,{n}" for n in range(400)]
    path = write(tmp_path / "bars.csv", HEADER, *lines, lines[7], "2020-01-03,A,9,9,9,x,1")
    [first] = await import_bars(market, path)
    listing = await market.directory.get("US:A")
    revision = await market.revision(listing)
    [second] = await import_bars(market, path)
    assert counts(first) == (400, 0, 0, 2)
    assert counts(second) == (0, 0, 400, 2)
    assert await market.revision(listing) == revision


async def test_corrected_bars_are_updated(market: Market, tmp_path: Path) -> None:
    """Only those that are another."""
    path = write(tmp_path / "bars.csv", HEADER, *(f"{day(n)},A,1,2,1,2,9" for n in range(3)))
    await import_bars(market, path)
    write(path, HEADER, "2020-01-02,A,1,2,1,1.5,9", "2020-01-03,A,1,2,1,2,9")
    [summary] = await import_bars(market, path)
    assert counts(summary) == (0, 1, 1, 0)


async def test_no_faulty_row_stops_the_import_or_is_lost(market: Market, tmp_path: Path) -> None:
    """Each is in the rejects file with its line, the reason and itself as it was."""
    path = write(
        tmp_path / "bars.csv",
        HEADER,
        "2020-01-01,A,1,2,1,2,10",
        "2020-01-02,A,1,2,3,2,10",
        "2020-01-03,A,1,2,1,2.5,10",
        "",
        "2020-01-04,A,,2,1,2,10",
        "2020-01-05,A,1,2,-1,2,10",
        "2020-01-06,A,1,2,1,NaN,10",
        "2020-01-07,A,1,inf,1,2,10",
        "2020-01-01,A,1,2,1,1,11",
        "2020-02-30,A,1,2,1,2,10",
        "2020-01-08,A,1,2,1,2",
        "2020-01-09,A,1,2,1,2,10,11",
        "2020-01-10,A,1,2,one,2,10",
        '2020-01-11,"A,1,2,1,2,10',
        "2020-01-12,A B,1,2,1,2,10",
        "2020-01-13,A,1,2,1,2,-10",
        "2020-01-14 12:00,A,1,2,1,2,10",
        "2030-01-14,A,1,2,1,2,10",
        "2020-01-15,A,0,2,0,2,10",
        "2020-01-16,A,100,200,100,200.009,10",
        "2020-01-17,A,1,2,1,2,",
    )
    [summary] = await import_bars(market, path)
    assert counts(summary) == (3, 0, 0, 17)
    assert summary.read == 20
    lines = path.read_text().splitlines()
    found = rejected(tmp_path / "bars.csv.rejects.csv")
    assert found == [
        (line, reason, lines[line - 1])
        for line, reason in [
            (3, "high_below_low"),
            (4, "outside_range"),
            (6, "null_price"),
            (7, "price_not_positive"),
            (8, "null_price"),
            (9, "not_finite"),
            (10, "duplicate"),
            (11, "bad_time"),
            (12, "malformed_row"),
            (13, "malformed_row"),
            (14, "bad_number"),
            (15, "malformed_row"),
            (16, "invalid_symbol"),
            (17, "negative_volume"),
            (18, "misaligned"),
            (19, "in_future"),
            (20, "price_not_positive"),
        ]
    ]
    assert summary.rejected["malformed_row"] == 3
    listing = await market.directory.get("US:A")
    bars = await market.read(listing, Resolution.DAY)
    assert ((bars.time - JANUARY) // DAY).tolist() == [0, 15, 16]
    assert bars.volume.tolist() == [10, 10, 0]


async def test_of_two_rows_of_one_time_the_first_valid_one_is_kept(
    market: Market, tmp_path: Path
) -> None:
    """However far apart they are, and also where the first ones are no bars."""
    # More than is read at once.
    fill = [f"{day(n % 1500)},S{n // 1500},1,2,1,2,{n:010}" for n in range(60_000)]
    lines = ["2020-01-01,A,0,0,0,0,0", "2020-01-01,A,1,2,1,1,1", *fill, "2020-01-01,A,1,2,1,2,2"]
    lines += ["2020-01-02,A,1,2,1,1,3", "2020-01-02,A,1,2,1,2,4"]
    path = write(tmp_path / "bars.csv", HEADER, *lines)
    [summary] = await import_bars(market, path, reader=SmallChunks)
    assert summary.rejected == {"price_not_positive": 1, "duplicate": 2}
    assert counts(summary) == (60_002, 0, 0, 3)
    reasons = {line: reason for line, reason, _ in rejected(summary.rejects_path)}
    assert reasons[2] == "price_not_positive"
    assert reasons[len(lines) - 1] == reasons[len(lines) + 1] == "duplicate"
    bars = await market.read(await market.directory.get("US:A"), Resolution.DAY)
    assert bars.volume.tolist() == [1, 3]


async def test_a_long_series_is_written_in_parts(market: Market, tmp_path: Path) -> None:
    """In whatever order its rows come, and with all that follows from it."""
    count = BARS_AT_ONCE + 2_000
    times = [JANUARY + 60 * n for n in range(count)]
    lines = [f"{time},1,2,1,{1 + n % 2},1" for n, time in enumerate(times)]
    path = write(tmp_path / "a.csv", "time,o,h,l,c,v", *reversed(lines), lines[5])
    [summary] = await import_bars(market, path, symbol="US:A")
    assert counts(summary) == (count, 0, 0, 1)
    listing = await market.directory.get("US:A")
    bars = await market.read(listing, Resolution.MINUTE)
    assert bars.time.tolist() == times[-5000:]
    days = await market.read(listing, Resolution.DAY)
    assert days.volume.sum() == count
    assert days.close[0] == 2


async def test_bars_outside_of_the_session_are_rejected(
    market: Market, tmp_path: Path, calendar_data: CalendarData
) -> None:
    """By the calendar that the exchange has, from the first import on."""
    await market.keep_calendar("XNYS", calendar_data("XNYS"))
    exchanges = Exchanges(market.database, market.calendars, market.directory)
    await exchanges.put("US", calendar="XNYS", currency="USD", name="")
    times = ["2024-06-07T13:29Z", "2024-06-07T13:30Z", "2024-06-07T13:31Z", "2024-06-08T13:31Z"]
    path = write(tmp_path / "a.csv", "time,ticker,o,h,l,c", *(f"{t},A,1,2,1,2" for t in times))
    [summary] = await import_bars(market, path)
    assert counts(summary) == (2, 0, 0, 2)
    assert summary.rejected == {"outside_session": 2}
    assert any("tradeapi exchange set" in remark for remark in summary.remarks)


async def test_symbols_without_a_single_bar_are_not_created(market: Market, tmp_path: Path) -> None:
    """A slipped column would leave symbols called like prices."""
    lines = ["2020-01-01,A,1,2,1,2,10", "2020-01-02,A,1,2,1,2,10", "2020-01-03,12.5,1,2,3,2,10"]
    path = write(tmp_path / "bars.csv", HEADER, *lines)
    [summary] = await import_bars(market, path)
    assert counts(summary) == (2, 0, 0, 1)
    async with market.database.read() as raw:
        assert [row[0] for row in await raw.fetch("SELECT symbol FROM symbols")] == ["US:A"]


@pytest.mark.parametrize(
    ("times", "resolution"),
    [
        (["2021-12-31 23:01:00.000000", "2021-12-31 23:02:00.000000"], "1m"),
        (["2021-12-31T23:00:00Z", "2021-12-31T23:05:00Z"], "5m"),
        (["1640991600", "1640995200"], "1h"),
        (["1640991600000", "1640995200000"], "1h"),
        (["20211231", "20220101"], "1d"),
        (["2021-12-27 00:00:00-05:00", "2022-01-03 00:00:00-05:00"], "1w"),
        (["2021-12-01", "2022-01-01"], "1M"),
    ],
)
async def test_times_and_resolutions_are_understood(
    market: Market, tmp_path: Path, times: list[str], resolution: str
) -> None:
    """A day is the one on the file's own clock."""
    path = write(tmp_path / "X.csv", "Time,O,H,L,C", *(f"{time},1,2,1,2" for time in times))
    [summary] = await import_bars(market, path, symbol="CRYPTO:BTCUSD")
    assert counts(summary) == (2, 0, 0, 0)
    assert f"The bars are of {resolution}." in summary.remarks
    listing = await market.directory.get("CRYPTO:BTCUSD")
    bars = await market.read(listing, Resolution.parse(resolution))
    expected = {
        "1m": [1640991660, 1640991720],
        "5m": [1640991600, 1640991900],
        "1h": [1640991600, 1640995200],
        "1d": [1640908800, 1640995200],
        "1w": [1640563200, 1641168000],
        "1M": [1638316800, 1640995200],
    }
    assert bars.time.tolist() == expected[resolution]
    assert bars.volume.tolist() == [0, 0]


async def test_parquet_zipped_and_plain_files_say_the_same(market: Market, tmp_path: Path) -> None:
    """Whatever the types of their columns are."""
    lines = [HEADER, *(f"{day(n)},{'AB'[n % 2]},1,2,1,2,{n}" for n in range(50))]
    plain = write(tmp_path / "bars.csv", *lines)
    zipped = write(tmp_path / "bars.csv.gz", *lines)
    days = np.array([day(n) for n in range(50)], "datetime64[D]")
    columns = {
        "Date": pa.array(days),
        "Symbol": pa.array([*"AB" * 25]).dictionary_encode(),
        "Open": pa.array([1] * 50, pa.int32()),
        "High": pa.array([2.0] * 50, pa.float32()),
        "Low": pa.array(["1"] * 50),
        "Close": pa.array([2] * 50, pa.decimal128(9, 2)),
        "Volume": pa.array(range(50)),
        "Trades": pa.array(range(50)),
    }
    parquet = tmp_path / "bars.parquet"
    pa.parquet.write_table(pa.table(columns), parquet)
    stamped = tmp_path / "stamped.parquet"
    stamps = pa.array(days.astype("datetime64[ns]")).cast(pa.timestamp("ns"))
    pa.parquet.write_table(pa.table({**columns, "Date": stamps}), stamped)
    summaries = await import_bars(market, plain, zipped, parquet, stamped)
    assert [counts(summary) for summary in summaries] == [(50, 0, 0, 0), *[(0, 0, 50, 0)] * 3]
    assert "Not used: Trades." in summaries[2].remarks


async def test_faulty_rows_of_parquet_are_named_by_their_number(
    market: Market, tmp_path: Path
) -> None:
    """Over row groups, and with all of their columns."""
    table = pa.table(
        {
            "date": [day(n) for n in range(30)],
            "note": [f"n{n}" for n in range(30)],
            **{name: [None if n in {4, 25} else 1.0 for n in range(30)] for name in "ohlc"},
        }
    )
    path = tmp_path / "bars.parquet"
    pa.parquet.write_table(table, path, row_group_size=10)
    [summary] = await import_bars(market, path, symbol="US:A")
    assert counts(summary) == (28, 0, 0, 2)
    assert rejected(summary.rejects_path) == [
        (5, "null_price", f"{day(4)},n4,,,,"),
        (26, "null_price", f"{day(25)},n25,,,,"),
    ]


async def test_rejects_of_all_files_go_where_they_are_told_to(
    market: Market, tmp_path: Path
) -> None:
    """Those of an earlier run are replaced."""
    paths = [
        write(tmp_path / f"{n}.csv", HEADER, f"{day(n)},A,1,2,1,2,1", "x,A,1,2,1,2,1")
        for n in range(2)
    ]
    to = write(tmp_path / "faulty.csv", "something else")
    await import_bars(market, *paths, resolution=Resolution.DAY, rejects_to=to)
    assert rejected(to) == [(3, "bad_time", "x,A,1,2,1,2,1")] * 2
    with pytest.raises(Unusable, match="can't take the rejects"):
        await import_bars(market, *paths, rejects_to=paths[1])
    assert paths[1].exists()


async def test_adjusted_closes_are_recognised_and_not_stored(
    market: Market, tmp_path: Path
) -> None:
    """The summary says so."""
    header = "Date,Open,High,Low,Close,Adj Close,Volume"
    path = write(tmp_path / "a.csv", header, "2020-01-01,1,2,1,2,1.5,9", "2020-01-02,1,2,1,2,1.5,9")
    [summary] = await import_bars(market, path, symbol="US:A")
    assert any("tradeapi import actions" in remark for remark in summary.remarks)
    bars = await market.read(await market.directory.get("US:A"), Resolution.DAY)
    assert bars.close.tolist() == [2, 2]


async def test_symbols_may_name_their_exchange(market: Market, tmp_path: Path) -> None:
    """Then none has to be given; for a bare ticker it has to."""
    path = write(tmp_path / "a.csv", HEADER, *(f"{day(n)},lse:vod,1,2,1,2,1" for n in range(2)))
    await import_bars(market, path, exchange=None)
    assert (await market.directory.get("LSE:VOD")).exchange == "LSE"
    write(path, HEADER, *(f"{day(n)},VOD,1,2,1,2,1" for n in range(2)))
    with pytest.raises(Unusable, match="give --exchange"):
        await import_bars(market, path, exchange=None)


async def test_a_symbol_given_for_a_file_of_many_is_refused(market: Market, tmp_path: Path) -> None:
    """For a file of one it wins over what the file calls it."""
    lines = [f"{day(n)},BTC/USDT,1,2,1,2,1" for n in range(2)]
    path = write(tmp_path / "a.csv", HEADER, *lines)
    [summary] = await import_bars(market, path, symbol="CRYPTO:BTCUSDT")
    assert counts(summary) == (2, 0, 0, 0)
    write(path, HEADER, *lines, f"{day(3)},ETH/USDT,1,2,1,2,1")
    with pytest.raises(Unusable, match="more than one symbol"):
        await import_bars(market, path, symbol="CRYPTO:BTCUSDT")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["date,open,high,low", "2020-01-01,1,2,1"], "no column for close"),
        (["date,open,high,low,close", "2020-01-01,1,2,1,1"], "--symbol"),
        (["Date,Time,Symbol,O,H,L,C", "2020-01-01,10:00,A,1,2,1,1"], "join them"),
        ([HEADER, "2020-01-01,A,1,2,1,2,1"], "give --resolution"),
        ([HEADER, "1600000000,A,1,2,1,2,1", "1600000001,A,1,2,1,2,1"], "less than a minute"),
        ([""], "no column for time"),
        (["\x00\x01\x02"], "no column for time"),
    ],
)
async def test_files_that_are_no_bars_are_refused_by_name(
    market: Market, tmp_path: Path, lines: list[str], message: str
) -> None:
    """The sentence says what is missing."""
    path = write(tmp_path / "a.csv", *lines)
    with pytest.raises(Unusable, match=message) as raised:
        await import_bars(market, path)
    assert str(raised.value).startswith(f"{path}: ")


async def test_a_file_that_breaks_off_is_taken_as_far_as_it_goes(
    market: Market, tmp_path: Path
) -> None:
    """What was read of it before is told, and rejects are kept."""
    lines = [f"{day(n % 1500)},S{n // 1500:03},1,2,1,2,{n:010}" for n in range(75_000)]
    whole = gzip.compress("\n".join([HEADER, "x,A,1,2,1,2,1", *lines]).encode(), 1)
    path = tmp_path / "a.csv.gz"
    path.write_bytes(whole[: len(whole) * 99 // 100])
    with pytest.raises(Unusable, match="breaks off"):
        await import_bars(market, path)
    assert rejected(tmp_path / "a.csv.gz.rejects.csv")[0] == (2, "bad_time", "x,A,1,2,1,2,1")
    bars = await market.read(await market.directory.get("US:S000"), Resolution.DAY)
    assert len(bars) == 1500
