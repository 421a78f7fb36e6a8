"""Whether the indicators of a chart can be computed over the series that they name."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tradeapi.charts.points import SeriesType
from tradeapi.charts.sources import AnySource, IndicatorSource, Location, Source

# One over another over a third: each loads what the next needs before its first point.
MOST_DEPTH = 3

_VALUES = frozenset({"close"})
_PRICES = _VALUES | {"high", "low"}
_BARS = _PRICES | {"volume", "session"}


class Placed(NamedTuple):
    """A series with its place in the document."""

    place: Location
    id: str
    type: SeriesType
    source: AnySource | None


def columns_of(type: SeriesType, source: AnySource | None) -> frozenset[str]:
    """What an indicator may take of a series: of one that shows bars, be it their closes, all that
    bars have; of pushed candles the prices; of all others what they show, as a close.
    """
    has_prices = len(type.columns) > 1
    if isinstance(source, Source) and (has_prices or source.field == "close"):
        return _BARS
    return _PRICES if has_prices else _VALUES


def faults(chart: Sequence[Placed]) -> Iterator[tuple[Location, str]]:
    """What is wrong, by its place."""
    by_id = {series.id: series for series in chart}
    for series in chart:
        source = series.source
        if not isinstance(source, IndicatorSource):
            continue
        if len(series.type.columns) > 1:
            drawn = "An indicator is drawn as a line, area, baseline or histogram."
            yield (*series.place, "type"), drawn
        wrong = _wrong_with(source, by_id)
        if wrong:
            yield (*series.place, "source", "of"), wrong


def _wrong_with(source: IndicatorSource, by_id: Mapping[str, Placed]) -> str | None:
    of = by_id.get(source.of)
    if of is None:
        return f"The chart has no series {source.of}."
    if not _ends(source, by_id):
        return f"Indicators are computed over up to {MOST_DEPTH - 1} others, and none over itself."
    missing = set(source.study.indicator.inputs) - columns_of(of.type, of.source)
    if missing:
        return f"{source.indicator} needs {', '.join(sorted(missing))}, which {of.id} has not."
    return None


def _ends(source: IndicatorSource, by_id: Mapping[str, Placed]) -> bool:
    """Whether what it goes back to is no indicator, and not too far away."""
    for _ in range(MOST_DEPTH):
        of = by_id.get(source.of)
        if of is None or not isinstance(of.source, IndicatorSource):
            return True
        source = of.source
    return False
