"""Well-formed requests with values that nobody means well."""

import json
import random
from urllib.parse import quote

import httpx2
import pytest

from tests.hostile.places import FIRST_MINUTE
from tests.hostile.serving import JSON, Server

TEXTS = [
    "'; DROP TABLE symbols; --",
    "' OR '1'='1",
    '" OR ""="',
    "1; SELECT pg_sleep(10)",
    "US:AAPL' UNION SELECT 1 --",
    "%' ESCAPE '",
    "$1",
    "{0}",
    "%s%n",
    "../../etc/passwd",
    "..\\..\\windows",
    "US:AAPL\0",
    "\0",
    "\x1b[31m",
    "a\r\nSet-Cookie: a=b",
    "<script>alert(1)</script>",
    "\u202e\u200b\ufeff",
    "\U0001f4a9" * 50,
    "ﬃ" * 64,
    "a" * 5000,
    "US:" + "A" * 5000,
    ":" * 100,
    "US:AAPL:US:AAPL",
    "-1",
    "9" * 400,
    "null",
    "true",
    "[]",
    "{}",
    " ",
    "",
]
ODD_NUMBERS = ["9" * 400, str(2**63), str(-(2**63)), str(2**64), "1e308", "-1e308", "5e-324", "-0"]
ODD_NUMBERS += ["nan", "inf", "-inf", "0x10", "1_000", "\uff11", "1e3", ".", "+", ""]
# What something may well be called.
POSSIBLE_NAMES = {"-1", "null", "true"}


def refused(answer: httpx2.Response) -> str:
    """The code of a refusal that is a problem, and none of our own faults."""
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem.keys() >= {"type", "title", "status", "detail", "code", "request_id"}
    return str(problem["code"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/symbols/{}"),
        ("PUT", "/symbols/{}"),
        ("DELETE", "/symbols/{}"),
        ("GET", "/symbols/{}/actions"),
        ("PUT", "/symbols/{}/actions"),
        ("GET", "/symbols/{}/shares"),
        ("PUT", "/symbols/{}/shares"),
        ("GET", "/bars/{}"),
        ("DELETE", "/bars/{}?resolution=1m"),
        ("PUT", "/exchanges/{}"),
    ],
)
def test_texts_in_the_path(either: Server, method: str, path: str) -> None:
    """There is nothing of such a name, nor can there be."""
    bodies = {
        "/symbols/{}": {},
        "/symbols/{}/actions": {"items": []},
        "/symbols/{}/shares": {"items": []},
        "/exchanges/{}": {"calendar": "24x7"},
    }
    for text in set(TEXTS) - POSSIBLE_NAMES:
        address = "/api/v1" + path.format(quote(text, safe=""))
        body = bodies.get(path) if method == "PUT" else None
        assert refused(either.client.request(method, address, json=body))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/symbols", "query"),
        ("/symbols", "type"),
        ("/symbols", "exchange"),
        ("/symbols", "limit"),
        ("/symbols", "cursor"),
        ("/bars/US:AAPL", "resolution"),
        ("/bars/US:AAPL", "start"),
        ("/bars/US:AAPL", "end"),
        ("/bars/US:AAPL", "before"),
        ("/bars/US:AAPL", "limit"),
        ("/bars/US:AAPL", "format"),
        ("/bars/US:AAPL", "adjustment"),
        ("/bars/US:AAPL", "revision"),
        ("/quotes", "symbols"),
        ("/market/status", "exchange"),
        ("/bars/US:AAPL", "nonsense"),
    ],
)
def test_texts_and_numbers_in_the_query(either: Server, path: str, name: str) -> None:
    """They are searched for, or refused; nothing of them is executed."""
    for text in [*TEXTS, *ODD_NUMBERS]:
        answer = either.client.get(f"/api/v1{path}", params={name: text})
        if answer.status_code != 200:
            assert refused(answer)
        elif answer.headers["content-type"] == "application/json":
            # What is not a number in JSON, nobody should have to read.
            json.loads(answer.content, parse_constant=pytest.fail)


@pytest.mark.parametrize("end", ["start", "end"])
def test_a_removal_needs_times(either: Server, end: str) -> None:
    """One that can't be read removes nothing; what is derived is not there to be removed."""
    for text in [*TEXTS, *ODD_NUMBERS]:
        query = {"resolution": "4h", end: text}
        answer = either.client.request("DELETE", "/api/v1/bars/US:MSFT", params=query)
        if answer.status_code == 200:
            assert answer.json()["removed"] == 0
        else:
            assert refused(answer)


@pytest.mark.parametrize("name", ["name", "type", "currency", "sector", "basis", "calendar"])
def test_texts_in_a_symbol(either: Server, name: str) -> None:
    """Names may be odd, but they are given back as what they are."""
    for text in TEXTS:
        body = json.dumps({name: text})
        answer = either.client.put("/api/v1/symbols/US:ODD", content=body, headers=JSON)
        if answer.is_success:
            assert name in {"name", "sector", "currency"}
            kept = either.get("/symbols/US:ODD")[name]
            # Who is called nothing is called by its ticker.
            assert kept.casefold() in {text.strip().casefold(), "odd"}
        else:
            assert refused(answer) in {"invalid_field", "unknown_calendar"}
    either.client.delete("/api/v1/symbols/US:ODD")
    assert "US:ODD" not in [item["symbol"] for item in either.get("/symbols")["items"]]


@pytest.mark.parametrize("path", ["/bars", "/ticks"])
def test_any_value_anywhere_in_an_item(either: Server, path: str) -> None:
    """Each item is refused by name; not one is taken."""
    chance = random.Random(path)
    values: list[object] = [
        *TEXTS,
        None,
        True,
        [],
        {},
        [[]],
        2**63,
        -(2**63),
        2**64 - 1,
        10**30,
        1e308,
        -1,
        0,
    ]
    values += [5e-324, 1e-310, -0.0, FIRST_MINUTE * 1_000_000_000, 253402300800, -62135596801]
    good = {"symbol": "US:MSFT", "time": FIRST_MINUTE + 30 * 86400, "price": 1, "size": 1}
    if path == "/bars":
        prices = dict.fromkeys(["open", "high", "low", "close"], 1)
        good = {"symbol": "US:MSFT", "time": "2200-01-01", "resolution": "1m", **prices}
    unknown = {**good, "symbol": "NO:PE"}
    items = [{**unknown, name: value} for name in good for value in values]
    items += [{**good, chance.choice(TEXTS) or "a": 1} for _ in range(50)]
    items += [{name: good[name] for name in good if name != missing} for missing in good]
    outcome = either.client.post(
        f"/api/v1{path}", content=json.dumps({"items": items}), headers=JSON
    )
    assert outcome.status_code == 200, outcome.text
    found = outcome.json()
    assert found["rejected"] == len(items)
    assert all(item["code"] and item["detail"] for item in found["items"])


@pytest.mark.parametrize(
    "terms",
    [
        [("split", 1e-300)],
        [("split", 5e-324)],
        [("split", 1e-6)] * 3,
        [("split", 1e8)] * 2,
        [("dividend", 1e8)],
        [("dividend", 107)],
    ],
)
def test_actions_that_would_make_nonsense_of_all_prices(
    either: Server, terms: list[tuple[str, float]]
) -> None:
    """History stays made of numbers, whatever it is restated for."""
    items = [
        {"ex_date": f"2024-02-{day:02}", "kind": kind, "value": value}
        for day, (kind, value) in enumerate(terms, 1)
    ]
    answer = either.client.put("/api/v1/symbols/US:AAPL/actions", json={"items": items})
    assert refused(answer) == "invalid_action"
    for adjustment in ("raw", "splits", "all"):
        found = either.get("/bars/US:AAPL", adjustment=adjustment)
        assert all(0 < close < 1e4 for close in found["close"])


def test_calendars_that_nobody_knows_cost_next_to_nothing(server: Server) -> None:
    """To find out takes a process and a second, once."""
    refusals = [
        refused(server.client.put("/api/v1/symbols/US:NEW", json={"calendar": f"X{number}"}))
        for number in range(100)
    ]
    assert set(refusals) == {"unknown_calendar"}
