"""Which points of a series clients of this protocol ask for, over HTTP and on the socket."""

from math import inf

from tradeapi.charts.chunks import Window
from tradeapi.errors import Invalid
from tradeapi.market.times import parse_time

MOST_COUNT = 10_000
DEFAULT_COUNT = 500


def window_of(before: float | None, after: float | None, count: int) -> Window:
    """Raises Invalid for times that are none."""
    return Window(
        count,
        before=inf if before is None else _instant(before),
        after=-inf if after is None else _instant(after),
        earliest=before is None and after is not None,
    )


def _instant(time: float) -> float:
    try:
        return parse_time(time)
    except Invalid as error:
        raise Invalid(str(error), code="time_out_of_range") from error
