"""The search: what is found, in what order, page by page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeapi.market.symbols.search import Entry, Index, Rank


def entry(symbol: str, name: str = "", type: str = "stock") -> Entry:
    exchange, ticker = symbol.split(":")
    rest = "USD", None, None, "raw", False, None, None, None, 1
    return Entry(symbol, exchange, ticker, name, type, *rest)


INDEX = Index(
    [
        entry("US:AAPL", "Apple Inc."),
        entry("US:APLE", "Apple Hospitality REIT"),
        entry("US:A", "Agilent Technologies"),
        entry("US:AA", "Alcoa"),
        entry("LSE:AAPL", "Apple depositary receipt", "fund"),
        entry("US:MSFT", "Microsoft Corporation"),
        entry("US:BRK.B", "Berkshire Hathaway"),
        entry("PAR:SG", "Société Générale"),
        entry("US:CSCO", "Cisco Systems"),
        entry("US:SYY", "Sysco: food and systems"),
        entry("CRYPTO:BTCUSD", "Bitcoin", "coin"),
    ]
)


def found(query: str, *, type: str | None = None, exchange: str | None = None) -> list[str]:
    hits = INDEX.find(query, limit=50, type=type, exchange=exchange)
    return [hit.symbol for _, hit in hits]


def ranks(query: str) -> dict[str, int]:
    return {hit.symbol: position.rank for position, hit in INDEX.find(query, limit=50)}


@pytest.mark.parametrize(
    ("query", "symbol", "rank"),
    [
        ("US:AAPL", "US:AAPL", Rank.EXACT),
        ("us:aapl", "US:AAPL", Rank.EXACT),
        ("aapl", "LSE:AAPL", Rank.EXACT),
        ("brk.b", "US:BRK.B", Rank.EXACT),
        ("us:aap", "US:AAPL", Rank.SYMBOL_PREFIX),
        ("aap", "US:AAPL", Rank.SYMBOL_PREFIX),
        ("micro", "US:MSFT", Rank.NAME_PREFIX),
        ("apple  INC", "US:AAPL", Rank.NAME_PREFIX),
        ("hospital", "US:APLE", Rank.WORD_PREFIX),
        ("hospitality re", "US:APLE", Rank.WORD_PREFIX),
        ("societe", "PAR:SG", Rank.NAME_PREFIX),
        ("GÉNÉ", "PAR:SG", Rank.WORD_PREFIX),
        ("mircosoft", "US:MSFT", Rank.TYPO),
        ("microsft", "US:MSFT", Rank.TYPO),
        ("msftt", "US:MSFT", Rank.TYPO),
        ("bitcion", "CRYPTO:BTCUSD", Rank.TYPO),
    ],
)
def test_a_query_finds_a_symbol_by(query: str, symbol: str, rank: Rank) -> None:
    """Case, accents and spaces don't matter; a letter may be wrong, missing, doubled, swapped."""
    assert ranks(query)[symbol] == rank


def test_the_better_fit_comes_first_and_equals_are_in_order() -> None:
    """The ticker itself, then tickers it begins, then names and their words."""
    assert found("a")[:4] == ["US:A", "LSE:AAPL", "US:AA", "US:AAPL"]
    assert found("sys") == ["US:SYY", "US:CSCO"]
    assert found("apple") == ["LSE:AAPL", "US:AAPL", "US:APLE"]


def test_two_typos_are_too_many_and_short_queries_have_none() -> None:
    """Else everything would be found."""
    assert found("mcirsoft") == []
    assert found("zz") == []


def test_filters_leave_out_other_types_and_exchanges() -> None:
    """Also among what a typo found."""
    assert found("aapl", exchange="LSE") == ["LSE:AAPL"]
    assert found("bitcion", type="stock") == []
    assert found("", type="coin") == ["CRYPTO:BTCUSD"]


def test_without_a_query_there_are_all_in_order() -> None:
    """Spaces are no query."""
    assert found("") == found("  ") == sorted(hit.symbol for hit in INDEX.entries)


@pytest.mark.parametrize("query", ["\x00", "' OR 1=1 --", "%", "_", "😀", "\U0010ffff", "a" * 9999])
def test_a_strange_query_finds_nothing(query: str) -> None:
    """It never leaves the process, and breaks nothing in it."""
    assert found(query) == []


@given(
    names=st.lists(st.text("abc ", max_size=6), max_size=40),
    query=st.text("abc", max_size=4),
    limit=st.integers(1, 7),
)
def test_pages_joined_are_the_whole_list(names: list[str], query: str, limit: int) -> None:
    """Whatever the size of the page, nothing is missed or repeated."""
    index = Index([entry(f"X:{place:03}", name) for place, name in enumerate(names)])
    whole = index.find(query, limit=1000)
    joined, after = [], None
    while page := index.find(query, limit=limit, after=after):
        joined += page
        after = page[-1][0]
    assert joined == whole
