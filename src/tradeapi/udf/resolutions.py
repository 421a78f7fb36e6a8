"""Resolutions by the names that TradingView has for them."""

from tradeapi.errors import FieldError, Invalid
from tradeapi.market.resolutions import Resolution

NAMES = {
    Resolution.MINUTE: "1",
    Resolution.MINUTES_5: "5",
    Resolution.MINUTES_15: "15",
    Resolution.MINUTES_30: "30",
    Resolution.HOUR: "60",
    Resolution.HOURS_4: "240",
    Resolution.DAY: "1D",
    Resolution.WEEK: "1W",
    Resolution.MONTH: "1M",
}
_BY_NAME = {name: resolution for resolution, name in NAMES.items()} | {
    "D": Resolution.DAY,
    "W": Resolution.WEEK,
    "M": Resolution.MONTH,
}


def parse(name: str) -> Resolution:
    """Case matters: others call a minute what is no name here."""
    try:
        return _BY_NAME[name]
    except KeyError as error:
        detail = f"There is no resolution {name[:20]!r}; there are {', '.join(NAMES.values())}."
        fault = FieldError("/query/resolution", detail)
        raise Invalid(detail, code="unknown_resolution", errors=[fault]) from error
