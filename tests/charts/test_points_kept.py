"""Points as they are read from bodies and as chunks of them are kept."""

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeapi.analytics.bars import PRICES
from tradeapi.charts import parsing
from tradeapi.charts.parsing import read_points
from tradeapi.charts.points import Points, SeriesType, decode, encode, rows
from tradeapi.charts.texts import write
from tradeapi.errors import Forbidden, Invalid

MOST = 100_000
Item = dict[str, object]

times = st.lists(
    st.one_of(
        st.integers(-60_000_000_000, 90_000_000_000),
        st.floats(-1e9, 9e9).map(lambda time: round(time, 3)),
    ),
    unique_by=float,
).map(lambda drawn: sorted(drawn, key=float))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
further = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"color": st.sampled_from(["red", "#0f0"])}),
    st.fixed_dictionaries({"customValues": json, "},{": json}),
)
value: st.SearchStrategy[Item] = st.one_of(
    st.just({}), st.fixed_dictionaries({"value": st.floats(-9e13, 9e13, allow_subnormal=False)})
)


@st.composite
def points(draw: st.DrawFn) -> list[Item]:
    """Of a series with one value; some are whitespace, some have more."""
    return [{"time": time, **draw(value), **draw(further)} for time in draw(times)]


@given(points())
def test_points_are_kept_as_they_are(items: list[Item]) -> None:
    """Whatever they have; whole times are integers."""
    read = read_points(orjson.dumps(items), SeriesType.LINE, MOST)
    kept = decode(len(read), 1, encode(read))
    shown = orjson.loads(orjson.dumps(rows(kept, ("value",))))
    assert shown == items
    assert all(type(one["time"]) is int for one in shown if float(one["time"]).is_integer())


@given(points(), st.sampled_from([b'{"items":%b}', b"%b", b' {"items" : %b } \n', b"\n%b\t"]))
def test_a_long_body_is_read_in_parts_as_a_whole(items: list[Item], form: bytes) -> None:
    """Wherever it is cut, however it is written, and whatever texts in it look like."""
    with pytest.MonkeyPatch.context() as patch:
        for text in (orjson.dumps(items), orjson.dumps(items, option=orjson.OPT_INDENT_2)):
            whole = read_points(form % text, SeriesType.LINE, MOST)
            for size in (1, 50, 200):
                patch.setattr(parsing, "BYTES_AT_ONCE", size)
                parts = read_points(form % text, SeriesType.LINE, MOST)
                assert encode(parts) == encode(whole)
            patch.undo()


numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-9e13, 9e13).map(lambda number: round(number, 2)),
    st.sampled_from([-0.0, 0.0, 1e22, 1e16, 1e-7, 123456789012345680.0, float("nan")]),
)
more = st.one_of(
    st.none(),
    st.fixed_dictionaries({"color": st.sampled_from(["red", "#0f0"])}).map(orjson.dumps),
    st.fixed_dictionaries({"customValues": json, "},{": json}).map(orjson.dumps),
).map(lambda text: None if text is None else text[1:-1])


@st.composite
def columns(draw: st.DrawFn, width: int) -> Points:
    """What is no point at all, but a number, is written as well."""
    time = draw(times)
    rows = [draw(st.lists(numbers, min_size=width, max_size=width)) for _ in time]
    further = np.full(len(time), None, np.object_)
    further[:] = [draw(more) for _ in time]
    return Points(np.array(time, np.float64), np.array(rows).reshape(-1, width), further)


@pytest.mark.parametrize("names", [("value",), PRICES])
@given(st.data())
def test_points_are_written_as_orjson_writes_them(
    names: tuple[str, ...], data: st.DataObject
) -> None:
    """To the byte, and every run of them as well."""
    points = data.draw(columns(len(names)))
    text = write(points, names)
    assert b"[%b]" % text.body == orjson.dumps(rows(points, names))
    low, high = sorted(data.draw(st.tuples(*[st.integers(0, len(points))] * 2)))
    assert b"[%b]" % bytes(text.between(low, high)) == orjson.dumps(rows(points[low:high], names))


anything = st.none() | st.booleans() | texts | st.floats() | st.integers(-(2**63), 2**63)
prices = st.dictionaries(
    st.sampled_from(["time", "open", "high", "low", "close", "close", "volume"]),
    st.integers(1, 3) | anything | st.sampled_from([1e11, -1e11, 9.1e13, -7e10, 3e11]),
    max_size=6,
) | st.fixed_dictionaries(
    {name: st.integers(1, 3) for name in ("time", "open", "high", "low", "close")}
)


@given(st.lists(prices | anything, max_size=4))
def test_a_few_points_are_read_as_many_are(items: list[object]) -> None:
    """Or refused for the same reasons."""
    body = orjson.dumps(items)

    def read() -> bytes | str:
        try:
            return encode(read_points(body, SeriesType.CANDLESTICK, MOST))
        except Invalid as error:
            return repr((str(error), error.code, error.errors))

    few = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "FEW", 0)
        assert read() == few


def test_more_points_than_there_may_be_are_not_read_on() -> None:
    """The rest of the body is not even looked at."""
    body = orjson.dumps([{"time": time} for time in range(200_000)])[:-1] + b", nonsense]"
    with pytest.raises(Forbidden, match="10,000"):
        read_points(body, SeriesType.LINE, 10_000)
