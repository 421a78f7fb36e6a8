"""What charts are told of a symbol: when it trades, its steps of price, what there is of it."""

from datetime import UTC, date, datetime
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from exchange_calendars import calendar_utils

from tests.udf.market import CALENDARS, DAY, MINUTES, NOW, RESOLUTIONS, Place, instant
from tests.udf.sessions import ZONES, Sessions
from tests.udf.stock import Refused
from tradeapi.market.calendars.calendar import Calendar, Continuous, load
from tradeapi.market.calendars.source import build
from tradeapi.udf.hours import YEARS_BACK, hours_of, timezone_of
from tradeapi.udf.symbols import price_steps

# Breaks, nights, weeks from Sunday on, hours that have changed, half days, summer time both ways.
KINDS = ["XNYS", "XHKG", "CMES", "XTKS", "24/5", "XSAU", "IEPA", "us_futures", "XLON", "XNZE"]
REQUIRED = {
    "name", "full_name", "ticker", "description", "type", "exchange", "listed_exchange",
    "session", "timezone", "format", "minmov", "pricescale", "has_intraday", "has_daily",
    "has_weekly_and_monthly", "intraday_multipliers", "supported_resolutions", "data_status",
    "visible_plots_set", "volume_precision", "currency_code",
}  # fmt: skip
CHARTED = {"stock", "index", "forex", "futures", "crypto", "expression", "spread", "cfd", "any"}

calendar_of = cache(lambda code: load(code, build(code)))


def described(calendar: Calendar, now: float) -> Sessions:
    hours = hours_of(calendar, now, extended=False)
    return Sessions.of(
        {
            "session": hours.session,
            "timezone": hours.timezone,
            "session_holidays": hours.holidays,
            "corrections": hours.corrections,
        }
    )


@pytest.mark.parametrize("code", KINDS)
def test_hours_are_those_of_the_calendar(code: str) -> None:
    """On every day of ten years and of all that is known to come, to the minute."""
    calendar: Calendar = calendar_of(code)
    now = NOW + 300 * DAY
    first = now // DAY * DAY - YEARS_BACK * 365 * DAY
    real = [tuple(row) for row in calendar.parts(first, now + 730 * DAY).tolist()]
    told = described(calendar, now)
    assert told.days(_date(real[0][0]), _date(real[-1][0])) == real


@pytest.mark.parametrize("code", ["XNYS", "CMES"])
def test_hours_are_told_after_the_last_known_day(code: str) -> None:
    """As they were last."""
    calendar: Calendar = calendar_of(code)
    ended = hours_of(calendar, calendar.until + 3 * 365 * DAY, extended=False)
    assert ended.session == hours_of(calendar, NOW, extended=False).session
    assert hours_of(calendar, calendar.until + 20 * 365 * DAY, extended=False).session == ""


def test_some_are_as_one_knows_them() -> None:
    """In the words that charts know."""
    hours = {code: hours_of(calendar_of(code), NOW, extended=False) for code in KINDS}
    assert {code: one.session for code, one in hours.items()} == {
        "XNYS": "0930-1600",
        "XHKG": "0930-1200,1300-1600",
        "CMES": "1700-1700",
        "XTKS": "0900-1130,1230-1530",
        "24/5": "0000-0000",
        "XSAU": "1000-1500:12345",
        "IEPA": "2000-1800",
        "us_futures": "1800-1800",
        "XLON": "0800-1630",
        "XNZE": "1000-1645",
    }
    assert "20241128,20241225,20250101" in hours["XNYS"].holidays
    assert ",20241129," in hours["XNYS"].corrections
    assert hours["XNYS"].corrections.startswith("0930-1300:")


def test_what_never_closes_has_no_days_off() -> None:
    """Nor does what trades outside of its session."""
    always = hours_of(Continuous(), NOW, extended=False)
    assert (always.session, always.timezone) == ("24x7", "Etc/UTC")
    extended = hours_of(calendar_of("XNYS"), NOW, extended=True)
    assert (extended.session, extended.timezone) == ("24x7", "America/New_York")
    assert (extended.holidays, extended.corrections, always.holidays) == ("", "", "")


def test_every_calendar_has_a_zone_that_charts_know() -> None:
    """Else a chart does not open."""
    factories = calendar_utils._default_calendar_factories.values()  # noqa: SLF001  no other list

    class Elsewhere(Continuous):
        def __init__(self, timezone: str) -> None:
            self.timezone = timezone

    zones = {str(factory.tz) for factory in factories if not isinstance(factory.tz, property)}
    assert len(zones) > 50
    assert {timezone_of(Elsewhere(zone)) for zone in zones} <= ZONES


@pytest.mark.parametrize("symbol", MINUTES)
@pytest.mark.parametrize("resolution", ["1", "60", "240"])
def test_every_bar_opens_while_the_symbol_trades(
    place: Place, symbol: str, resolution: str
) -> None:
    """By what the chart was told; others it would not show."""
    info = place.client.open(symbol)
    sessions = Sessions.of(info)
    spans = sessions.days(date(2024, 10, 20), date(2024, 12, 10))
    bars = place.history(symbol, resolution)
    assert bars
    for bar in bars:
        assert any(open <= bar.time // 1000 < close for _, open, close in spans)


def test_a_symbol_is_described(place: Place) -> None:
    """With all that charts need, and nothing that is null."""
    for symbol in (*MINUTES, "US:DAYS", "US:ONE", "US:NONE"):
        info = place.client.open(symbol)
        assert info.keys() >= REQUIRED
        assert None not in info.values()
        assert info["type"] in CHARTED
        assert info["timezone"] in ZONES
        assert info["full_name"] == info["ticker"] == symbol
        assert set(info["intraday_multipliers"]) < set(info["supported_resolutions"])


def test_what_there_is_none_of_is_not_offered(place: Place) -> None:
    """A symbol with days only has no minutes; of one without bars anything may come."""
    days = place.client.open("US:DAYS")
    assert (days["has_intraday"], days["supported_resolutions"]) == (False, ["1D", "1W", "1M"])
    assert days["data_status"] == "endofday"
    minutes, none = place.client.open("US:ACME"), place.client.open("US:NONE")
    assert minutes["has_intraday"]
    assert minutes["supported_resolutions"] == none["supported_resolutions"] == [*RESOLUTIONS]
    assert place.client.configuration()["supported_resolutions"] == [*RESOLUTIONS]


def test_a_name_that_two_have_is_written_out(place: Place) -> None:
    """A chart asks for it again, and must get the same symbol."""
    assert place.client.open("US:ACME")["name"] == "US:ACME"
    assert place.client.open("HK:ACME")["name"] == "HK:ACME"
    assert place.client.open("us:days")["name"] == "DAYS"
    assert place.client.open("days")["ticker"] == "US:DAYS"
    with pytest.raises(Refused):
        place.client.open("ACME")


@pytest.mark.parametrize(
    ("tick", "type", "last", "steps"),
    [
        (0.01, "stock", None, (1, 100)),
        (0.25, "future", None, (25, 100)),
        (0.015625, "future", None, (15625, 1_000_000)),
        (1, "stock", None, (1, 1)),
        (5.0, "index", None, (5, 1)),
        (12.5, "future", None, (125, 10)),
        (1e-8, "coin", None, (1, 100_000_000)),
        (1e-14, "coin", None, (1, 10**12)),
        (0.1 + 0.2, "coin", None, (300_000_000_000, 10**12)),
        (999_999_999.5, "stock", None, (9_999_999_995, 10)),
        (None, "stock", None, (1, 100)),
        (None, "stock", 31.2, (1, 100)),
        (None, "coin", 0.12, (1, 10_000)),
        (None, "coin", 0.000012, (1, 100_000_000)),
        (None, "coin", 1e-30, (1, 10**12)),
        (None, "fx", 1.08, (1, 100_000)),
        (None, "fx", 151.2, (1, 1000)),
    ],
)
def test_prices_have_steps(
    tick: float | None, type: str, last: float | None, steps: tuple[int, int]
) -> None:
    """Those of the tick; without one so many digits that a price can be told from the next."""
    assert price_steps(tick, type, last) == steps


def test_a_group_is_a_table(place: Place) -> None:
    """Each column with an entry for each symbol, which says what the symbol alone does."""
    table = place.client.send("symbol_info", group="US")
    assert set(table["ticker"]) == {"US:ACME", "US:DAYS", "US:ONE", "US:NONE"}
    assert {len(column) for column in table.values()} == {4}
    alone = place.client.resolve("US:DAYS")
    place_of = table["ticker"].index("US:DAYS")
    for column, property in {
        "session-regular": "session",
        "session-holidays": "session_holidays",
        "supported-resolutions": "supported_resolutions",
        "has-intraday": "has_intraday",
        "pricescale": "pricescale",
        "exchange-listed": "listed_exchange",
    }.items():
        assert table[column][place_of] == alone[property]
    for group in ("NYSE", "FOREX", "AMEX", "%"):
        answer = place.http.get("/udf/symbol_info", params={"group": group})
        assert (answer.status_code, answer.json()["s"]) == (404, "error")


def test_the_search_finds_what_was_typed(place: Place) -> None:
    """In capitals, as the client sends it; filtered as the configuration offers."""
    config = place.client.configuration()
    exchanges = [one["value"] for one in config["exchanges"]]
    assert exchanges == ["", *sorted(CALENDARS)]
    found = place.client.search("acme")
    assert {one["ticker"] for one in found} == {"US:ACME", "HK:ACME"}
    (here,) = place.client.search("acme", exchange="HK")
    assert here == {
        "symbol": "ACME",
        "full_name": "HK:ACME",
        "ticker": "HK:ACME",
        "description": "ACME",
        "exchange": "HK",
        "type": "stock",
    }
    types = {one["value"] for one in config["symbols_types"]}
    assert "" in types
    assert {one["ticker"] for one in place.client.search("", type="crypto")} >= {"COIN:ALL"}
    assert place.client.search("acme", type="nonsense") == []
    assert place.client.search("acme", exchange="nowhere") == []
    assert place.client.search("x" * 1001) == []


def test_every_type_can_be_searched_and_charted(place: Place) -> None:
    """Under the name by which it is found."""
    types = [one["value"] for one in place.client.configuration()["symbols_types"] if one["value"]]
    ours = ("stock", "etf", "coin", "index", "future", "fx", "fund", "other")
    for type in ours:
        place.http.put(f"/api/v1/symbols/KIND:{type}", json={"type": type}).raise_for_status()
        assert place.client.open(f"KIND:{type}")["type"] in CHARTED
    found = [place.client.search("", exchange="KIND", type=type) for type in types]
    assert sorted(one["ticker"] for (one,) in found) == sorted(
        f"KIND:{one.upper()}" for one in ours
    )
    assert [one["type"] for (one,) in found] == types


def test_quotes_come_under_the_names_asked_for(place: Place) -> None:
    """To the byte; with what is known, and nothing that is null."""
    names = ("US:DAYS", "us:days", "DAYS", " US:DAYS", "US:NOPE", "US:NONE", "ACME", "", "%2C")
    found = place.client.quotes(*names)
    assert set(found) == {"US:DAYS", "us:days", "DAYS", " US:DAYS", "US:NONE"}
    quote = found["us:days"]
    rest: dict[str, Any] = {
        "short_name": "DAYS",
        "exchange": "US",
        "description": "DAYS",
        "original_name": "US:DAYS",
    }
    assert quote == {**quote, **rest}
    assert quote["lp"] - quote["prev_close_price"] == pytest.approx(quote["ch"])
    assert None not in quote.values()
    assert found["US:NONE"] == {
        **rest,
        "short_name": "NONE",
        "description": "NONE",
        "original_name": "US:NONE",
        "stale": 1,
    }
    everything = place.client.send("quotes", symbols=",".join(names))
    assert [one["n"] for one in everything["d"]] == [*names]


def test_the_time_is_the_servers(place: Place) -> None:
    """In whole seconds."""
    place.clock.time = NOW + 0.9
    assert place.client.server_time() == NOW


def test_splits_and_dividends_are_marked(place: Place) -> None:
    """On the first bar that trades on the new terms, one mark each; none for what is to come."""
    for symbol in ("US:ACME", "US:DAYS"):
        info = place.client.open(symbol)
        for resolution in info["supported_resolutions"]:
            marks = place.client.marks("timescale_marks", info, resolution, 0, NOW)
            times = {bar.time // 1000 for bar in place.history(symbol, resolution)}
            marked = [mark["time"] for mark in marks]
            assert set(marked) <= times
            assert marked == sorted(set(marked))
            assert sum("Split" in line for mark in marks for line in mark["tooltip"]) == 2
            assert sum("Special" in line for mark in marks for line in mark["tooltip"]) == 1
            assert sum("Dividend" in line for mark in marks for line in mark["tooltip"]) == 1
    first, second = place.client.marks(
        "timescale_marks", place.client.open("US:DAYS"), "1D", 0, NOW
    )
    assert (first["time"], first["label"]) == (instant("2024-11-11"), "S")
    assert first["tooltip"] == ["Split: 2 for 1 (2024-11-10)"]
    assert second["tooltip"] == [
        "Dividend: 0.25 USD (2024-11-20)",
        "Special dividend: 0.01 USD (2024-11-20)",
        "Split: 1 for 2 (2024-11-20)",
    ]
    # Of the gap's end, the first bar after it.
    minutes = place.client.marks("timescale_marks", place.client.open("US:ACME"), "1", 0, NOW)
    assert minutes[1]["time"] == instant("2024-11-21T14:30")


def test_marks_belong_to_one_page_only(place: Place) -> None:
    """However history is cut into ranges."""
    info = place.client.open("US:ACME")
    whole = place.client.marks("timescale_marks", info, "60", 0, NOW)
    edges = [*range(instant("2024-10-01"), NOW + DAY, 36_000)]
    parts = [
        mark
        for begin, end in pairwise(edges)
        for mark in place.client.marks("timescale_marks", info, "60", begin, end - 1)
    ]
    assert parts == whole


def test_there_are_no_marks_on_bars(place: Place) -> None:
    """The configuration says so, and who asks nevertheless gets an empty list."""
    assert not place.client.configuration()["supports_marks"]
    info = place.client.open("US:ACME")
    assert place.client.marks("marks", info, "60", 0, NOW) == []


def _date(day: int) -> date:
    return datetime.fromtimestamp(day, UTC).date()
