"""Watchlists as CSV."""

import csv
from io import StringIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.auth.people import code
from tests.watchlists.lists import FULL, SYMBOLS, List
from tradeapi.watchlists import csv_form
from tradeapi.watchlists.items import Listed
from tradeapi.watchlists.models import Item
from tradeapi.watchlists.schemas import ItemIn

LINES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=50)
TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\r\t"), max_size=200
)
PRICES = st.none() | st.floats(1e-300, 1e15)
ITEMS = st.fixed_dictionaries(
    {
        "symbol": st.sampled_from(SYMBOLS),
        "name": st.none() | LINES,
        "category": st.none() | LINES,
        "notes": TEXTS,
        "priority": st.sampled_from(["low", "medium", "high"]),
        "tags": st.lists(LINES, max_size=20),
        "added_at": st.integers(0, 4_000_000_000_000).map(lambda number: number / 1000),
        "added_price": PRICES,
        "target_price": PRICES,
        "stop_loss": PRICES,
        "alert_enabled": st.booleans(),
    }
)


def test_a_list_comes_back_as_it_was(mine: List) -> None:
    """Into an empty list, and in the place of others."""
    mine.add("T:AAA", **FULL)
    mine.add("T:BBB", tags=["one"], notes="=SUM(A1:A9)")
    mine.add("T:CCC", position=0)
    other = List.of(mine.person, "Other", ["T:DDD", "T:AAA"])
    answer = other.take(mine.export(), mode="replace")
    assert answer.json() == {"added": 2, "updated": 1, "removed": 1}
    assert other.items() == mine.items()
    assert other.export() == mine.export()
    assert answer.headers["etag"] == other.person.call("GET", other.path).headers["etag"]


@given(item=ITEMS)
@settings(max_examples=300, deadline=None)
def test_whatever_an_item_says_comes_back(item: dict[str, Any]) -> None:
    """And no cell is taken for a formula by a spreadsheet."""
    try:
        expected = ItemIn.model_validate(item)
    except ValueError:
        return
    facts = expected.model_dump(exclude={"position", "symbol"})
    text = csv_form.write([Listed(Item(**facts), 0, expected.symbol, "")])
    [read] = csv_form.read(text, most=1)
    assert read.model_dump() == expected.model_dump()
    [_, row] = csv.reader(StringIO(text, newline=""))
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)


def test_rows_are_merged(mine: List) -> None:
    """Those that are there keep their places, new ones come last, what the file lacks stays."""
    for symbol in SYMBOLS[:3]:
        mine.add(symbol, notes="old", priority="low")
    text = "\ufeffNotes, Symbol\r\nnew,T:EEE\r\n\r\nnewer,T:BBB\r\n,ddd\r\n"
    answer = mine.take(text.replace(", ", ",").encode())
    assert answer.json() == {"added": 2, "updated": 1, "removed": 0}
    assert [(one["symbol"], one["notes"], one["priority"]) for one in mine.items()] == [
        ("T:AAA", "old", "low"),
        ("T:BBB", "newer", "medium"),
        ("T:CCC", "old", "low"),
        ("T:EEE", "new", "medium"),
        ("T:DDD", "", "medium"),
    ]


@pytest.mark.parametrize(
    ("text", "status", "problem", "pointers"),
    [
        ("symbol,price\nT:AAA,1\n", 422, "invalid_field", ["/header"]),
        ("name\nx\n", 422, "invalid_field", []),
        ("", 422, "invalid_field", []),
        ("symbol,symbol\nT:AAA,T:BBB\n", 422, "invalid_field", []),
        ("symbol\nT:AAA,1\n", 422, "invalid_field", ["/rows/0"]),
        ('symbol\n"T:AAA\n', 422, "invalid_field", []),
        ('symbol\n"T:AAA"x\n', 422, "invalid_field", []),
        (
            "symbol,stop_loss,priority\nT:AAA,x,low\nT:BBB,1,none\n",
            422,
            "invalid_field",
            ["/rows/0/stop_loss", "/rows/1/priority"],
        ),
        ("symbol,alert_enabled\nT:AAA,yes\n", 422, "invalid_field", ["/rows/0/alert_enabled"]),
        ("symbol,target_price\nT:AAA,nan\n", 422, "invalid_field", ["/rows/0/target_price"]),
        ("symbol\nT:AAA\nT:NONE\n", 404, "unknown_symbol", ["/rows/1/symbol"]),
        ("symbol\nT:AAA\naaa\n", 409, "already_listed", ["/rows/1/symbol"]),
        ("symbol,notes\nT:AAA,\x00\n", 422, "invalid_field", ["/rows/0/notes"]),
        (b"symbol\n\xff\n", 422, "bad_body", []),
    ],
)
def test_a_file_that_is_no_good_changes_nothing(
    mine: List, text: str | bytes, status: int, problem: str, pointers: list[str]
) -> None:
    """It is told what is wrong, and where."""
    mine.add("T:CCC")
    before = mine.read()
    answer = mine.take(text)
    assert (answer.status_code, code(answer)) == (status, problem), answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers
    assert mine.read() == before


def test_a_file_has_to_say_what_it_is(mine: List) -> None:
    """JSON is none, nor is a file without a type."""
    for type in ("application/json", ""):
        answer = mine.person.client.post(
            f"/api/v1{mine.path}/import",
            content="symbol\n",
            headers=mine.person.headers | {"content-type": type},
        )
        assert (answer.status_code, code(answer)) == (415, "unsupported_media_type")


def test_a_file_is_saved_as_one(mine: List) -> None:
    """By browsers; an empty list is its header."""
    answer = mine.person.call("GET", f"{mine.path}/export")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="watchlist.csv"'
    assert answer.text == ",".join(csv_form.COLUMNS) + "\r\n"
