"""Levels and compositions as files."""

import csv
from io import BytesIO, StringIO
from typing import Any
from zipfile import ZipFile

import httpx2
import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.auth.people import Person, Service, code
from tests.indices.desk import Desk
from tests.indices.golden import at_desk, build, built, iso
from tests.indices.sheets import cells
from tradeapi.indices.holdings import export

PATH = "/indices/G3/export"
COLUMNS = ["date", "rank", "symbol", "name", "sector", "weight", "shares", "index_shares"]
COLUMNS += ["price", "currency", "market_cap", "stale"]
EVIL = ["=1+1", "+2", "-3", "@SUM(A1)", "'4", "https://example.com/", "A & <B>"]


@pytest.fixture(scope="module")
def reader(service: Service) -> Person:
    return built(service)


def fetch(reader: Person, query: str) -> httpx2.Response:
    answer = reader.call("GET", f"{PATH}?{query}")
    assert answer.status_code == 200, answer.text
    return answer


def rows(answer: httpx2.Response) -> list[dict[str, Any]]:
    """Of any format, each as a mapping of its columns; dates as ISO days."""
    kind = answer.headers["content-type"].partition(";")[0].rpartition("/")[2]
    if kind == "json":
        items: list[dict[str, Any]] = answer.json()["items"]
        return items
    if kind == "csv":
        return [*csv.DictReader(StringIO(answer.text))]
    if kind == "vnd.apache.parquet":
        table = pa.parquet.read_table(BytesIO(answer.content)).to_pylist()
        return [{**row, "date": row["date"].isoformat()} for row in table]
    header, *lines = cells(answer.content)
    return [dict(zip(map(str, header), line, strict=True)) for line in lines]


def number(value: object) -> float | None:
    return None if value in {"", None} else float(str(value))


@pytest.mark.parametrize("format", ["csv", "json", "parquet", "xlsx"])
def test_every_format_has_all_compositions(reader: Person, format: str) -> None:
    """Row by row what the compositions are, with a name for the file."""
    answer = fetch(reader, f"what=composition&format={format}&start={iso(1)}")
    name = f"G3_composition_{iso(1)}_{iso(5)}.{format}"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    told = rows(answer)
    assert [*told[0]] == COLUMNS
    expected = [
        {"date": iso(place), **item}
        for place in range(1, 6)
        for item in reader.get(f"/indices/G3/composition?date={iso(place)}")["items"]
    ]
    for row, item in zip(told, expected, strict=True):
        for column in ("date", "symbol", "name", "currency"):
            assert row[column] == item[column]
        for column in ("rank", "weight", "shares", "index_shares", "price", "market_cap", "stale"):
            # Excel has 15 digits.
            assert number(row[column]) == pytest.approx(number(item[column]), rel=1e-14)
        assert row["sector"] in {"", None}


@pytest.mark.parametrize("format", ["csv", "json", "parquet", "xlsx"])
def test_every_format_has_all_levels(reader: Person, format: str) -> None:
    """The same as the index's bars."""
    told = rows(fetch(reader, f"format={format}"))
    assert [row["date"] for row in told] == [iso(place) for place in range(6)]
    assert [*told[0]] == ["date", "level", "divisor", "turnover", "count"]
    bars = reader.get("/bars/INDEX:G3")["close"]
    assert [number(row["level"]) for row in told] == pytest.approx(bars, rel=1e-14)
    assert {number(row["count"]) for row in told} == {3}


def test_json_says_what_it_is(reader: Person) -> None:
    """And of which revision."""
    told = fetch(reader, "format=json").json()
    told.pop("items")
    assert told == {"code": "G3", "revision": 1, "what": "levels"}


@pytest.fixture(scope="module")
def evil(service: Service, reader: Person) -> Person:
    """Somebody who may read INDEX:EVIL, whose stocks have names that spreadsheets compute."""

    async def listed(desk: Desk) -> None:
        for place, name in enumerate(EVIL):
            await desk.stock(f"EVIL:S{place}", [9.0 - place], shares=1, name=name)

    at_desk(service, listed)
    build(reader, "EVIL", 0, universe={"exchanges": ["EVIL"]})
    return reader


@pytest.mark.parametrize("format", ["json", "parquet", "xlsx"])
def test_names_are_only_text(evil: Person, format: str) -> None:
    """Nothing in a sheet is computed or followed."""
    answer = evil.call("GET", f"/indices/EVIL/export?what=composition&format={format}")
    assert [row["name"] for row in rows(answer)] == EVIL
    if format == "xlsx":
        files = ZipFile(BytesIO(answer.content))
        sheet = files.read("xl/worksheets/sheet1.xml")
        assert b"<f>" not in sheet
        assert b"hyperlink" not in sheet


def test_names_in_csv_are_no_formulas(evil: Person) -> None:
    """What begins like one stands behind an apostrophe."""
    answer = evil.call("GET", "/indices/EVIL/export?what=composition&format=csv")
    names = [row["name"] for row in rows(answer)]
    assert names == [*(f"'{name}" for name in EVIL[:5]), *EVIL[5:]]


@pytest.mark.parametrize("format", ["csv", "json", "parquet", "xlsx"])
def test_files_are_made_a_page_at_a_time(
    reader: Person, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    """However small the pages are, the file is the same."""
    query = f"what=composition&format={format}"
    whole = rows(fetch(reader, query))
    monkeypatch.setattr(export, "ROWS_PER_PAGE", 6)
    monkeypatch.setattr(export, "ROWS_AT_ONCE", 2)
    assert rows(fetch(reader, query)) == whole


def test_a_sheet_has_an_end(reader: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows than Excel takes are refused before anything is written."""
    monkeypatch.setattr(export, "MOST_ROWS", 17)
    refused = reader.call("GET", f"{PATH}?what=composition&format=xlsx")
    assert [refused.status_code, code(refused)] == [422, "too_many_rows"]
    assert "these are 18" in refused.json()["detail"]
    fetch(reader, f"what=composition&format=xlsx&end={iso(4)}")


@pytest.mark.parametrize("format", ["csv", "json", "parquet", "xlsx"])
def test_exports_are_counted_as_such(reader: Person, format: str) -> None:
    """However they are asked for; those that are refused, too."""
    answer = reader.call("GET", f"{PATH}?format={format}&start={iso(9)}")
    assert [answer.status_code, code(answer)] == [422, "bad_range"]
    assert '"heavy"' in answer.headers["ratelimit-policy"]
