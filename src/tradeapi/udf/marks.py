"""Corporate actions as marks on the time scale."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from tradeapi.analytics.bars import Int64Array
from tradeapi.market.bars.adjusted import begin_of
from tradeapi.market.calendars.days import day_of
from tradeapi.market.models import CorporateAction
from tradeapi.market.resolutions import Resolution
from tradeapi.market.symbols.directory import Listing

Mark = Mapping[str, object]

SPLIT_COLOR = "#9c27b0"
DIVIDEND_COLOR = "#2962ff"
_PAID = {"dividend": "Dividend", "special": "Special dividend"}


def marks_of(
    actions: Sequence[CorporateAction],
    listing: Listing,
    resolution: Resolution,
    times: Int64Array,
    previous: int | None,
) -> Sequence[Mark]:
    """One for each of the bars with these times that has an action, which is the first that
    trades on its terms; `previous` is the time of the bar before them."""
    by_bar: dict[int, list[CorporateAction]] = defaultdict(list)
    for action in actions:
        label = _label(action, listing, resolution)
        place = int(times.searchsorted(label))
        is_before = place == 0 and (previous is None or label <= previous)
        if place < len(times) and (not is_before or label == times[0]):
            by_bar[int(times[place])].append(action)
    return [_mark(time, told, listing.currency) for time, told in sorted(by_bar.items())]


def _label(action: CorporateAction, listing: Listing, resolution: Resolution) -> int:
    """A time up to which no bar has the action's terms."""
    day = day_of(action.ex_date)
    if resolution is Resolution.DAY:
        return day
    if resolution.is_intraday:
        return begin_of(listing.calendar, day)
    return listing.calendar.label(day, resolution)


def _mark(time: int, actions: Sequence[CorporateAction], currency: str) -> Mark:
    is_split = any(action.kind == "split" for action in actions)
    return {
        "id": f"{'split' if is_split else 'dividend'}-{actions[0].ex_date}",
        "time": time,
        "color": SPLIT_COLOR if is_split else DIVIDEND_COLOR,
        "label": "S" if is_split else "D",
        "labelFontColor": "#ffffff",
        "shape": "circle",
        "tooltip": [f"{_told(action, currency)} ({action.ex_date})" for action in actions],
    }


def _told(action: CorporateAction, currency: str) -> str:
    if action.kind in _PAID:
        return f"{_PAID[action.kind]}: {action.value:g} {currency}"
    if action.value < 1:
        return f"Split: 1 for {1 / action.value:g}"
    return f"Split: {action.value:g} for 1"
