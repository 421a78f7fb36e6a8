"""Changes of the market on their way between processes."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeapi.market.events import CHANGES, BarChange, Changed, Quote
from tradeapi.market.resolutions import Resolution

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TIMES = st.integers(-(2**53), 2**53)
RESOLUTIONS = st.sampled_from(Resolution)
BARS = st.builds(
    BarChange,
    st.sampled_from(["bar", "final", "revise"]),
    TIMES,
    *[NUMBERS] * 5,
)
MAYBE = st.none() | NUMBERS
QUOTES = st.builds(
    Quote,
    last=MAYBE,
    time=MAYBE,
    day=st.none() | TIMES,
    open=MAYBE,
    high=MAYBE,
    low=MAYBE,
    volume=MAYBE,
    previous_close=MAYBE,
    is_intraday=st.booleans(),
)
COUNTS = st.integers(0, 2**63 - 1)
CHANGED = st.builds(
    Changed,
    symbol_id=COUNTS,
    symbol=st.text(),
    version=COUNTS,
    revision=COUNTS,
    updated=NUMBERS,
    quote=QUOTES,
    bars=st.dictionaries(RESOLUTIONS, st.lists(BARS, max_size=3).map(tuple)),
    resets=st.dictionaries(RESOLUTIONS, st.sampled_from(["backfill", "actions", "retention"])),
)


@given(CHANGED)
def test_a_change_arrives_as_it_left(change: Changed) -> None:
    """Every number of it, exactly, and of its type."""
    arrived = CHANGES.decode(CHANGES.encode(change))
    assert arrived == change
    assert repr(arrived) == repr(change)


@given(CHANGED)
def test_what_a_newer_release_adds_is_left_out(change: Changed) -> None:
    """At the end of each array, and a resolution that we don't know."""
    sent = orjson.loads(CHANGES.encode(change))
    sent[5].append("more")
    for bar in (bar for run in sent[6].values() for bar in run):
        bar.append({"more": 1})
    sent[6]["2h"] = [["bar", 0, 1, 1, 1, 1, 1]]
    sent[7]["2h"] = "backfill"
    assert CHANGES.decode(orjson.dumps([*sent, "more", None])) == change


@pytest.mark.parametrize("wrong", ["x", None, True, [], {}, [["bar", 0, 1]], {"1m": "x"}], ids=repr)
@pytest.mark.parametrize("place", [0, 2, 3, 4, 5, 6, 7])
def test_what_has_the_form_and_not_the_types_is_no_change(place: int, wrong: Any) -> None:
    """Whoever wrote it: those who follow the symbol never see it."""
    sent = [1, "X:A", 1, 0, 0.5, [None] * 8 + [True], {}, {}]
    assert CHANGES.decode(orjson.dumps(sent)).version == 1
    if place in {6, 7} and wrong == {}:
        return
    sent[place] = wrong
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        CHANGES.decode(orjson.dumps(sent))


@pytest.mark.parametrize("place", range(7))
def test_a_bar_with_a_text_for_a_number_is_none(place: int) -> None:
    """Nor is one of an unknown kind."""
    bar: list[Any] = ["bar", 60, 1.0, 1, 1.0, 1.0, 2.5]
    bar[place] = "1"
    sent = [1, "X:A", 1, 0, 0.5, [None] * 8 + [True], {"1m": [bar]}, {}]
    with pytest.raises(ValueError, match="type"):
        CHANGES.decode(orjson.dumps(sent))
