"""Which resolution a file's bars have, told by their spacing."""

import numpy as np
import numpy.typing as npt

from tradeapi.analytics.bars import Float64Array
from tradeapi.market.importing.tables import Unusable
from tradeapi.market.resolutions import Resolution

# A spacing counts as common from this share on: holidays and the ends of sessions are rare.
COMMON = 0.2

# From which spacing in seconds on bars are taken for these. A day, a week and a month have some
# room below them, for daylight saving time and for months named by their first trading day.
_FROM = {
    Resolution.MINUTE: 60,
    Resolution.MINUTES_5: 300,
    Resolution.MINUTES_15: 900,
    Resolution.MINUTES_30: 1800,
    Resolution.HOUR: 3600,
    Resolution.HOURS_4: 14_400,
    Resolution.DAY: 20 * 3600,
    Resolution.WEEK: 6 * 86_400,
    Resolution.MONTH: 25 * 86_400,
}


def detect(codes: npt.NDArray[np.int32], seconds: Float64Array) -> Resolution:
    """The resolution of the smallest common spacing between bars of one symbol.

    Raises Unusable where there is none, or one below a minute.
    """
    order = np.lexsort((seconds, codes))
    gaps = np.diff(seconds[order])[np.diff(codes[order]) == 0]
    gaps = gaps[gaps > 0]
    if not len(gaps):
        raise Unusable("no symbol has two bars to tell the resolution by: give --resolution")
    kinds = np.searchsorted([*_FROM.values()], gaps, side="right")
    shares = np.bincount(kinds, minlength=len(_FROM) + 1) / len(gaps)
    kind = int(np.argmax(shares >= COMMON))
    if kind == 0:
        raise Unusable("its rows are less than a minute apart, and the finest bars are of a minute")
    return [*_FROM][kind - 1]
