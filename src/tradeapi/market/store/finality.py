"""When a bar is closed; one rule for history, the live stream and the revision."""

from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.resolutions import Resolution


def final_until(  # noqa: PLR0913  six plain facts; a class would only rename them
    calendar: Calendar,
    resolution: Resolution,
    last: int | None,
    *,
    updated: float,
    now: float,
    lateness: float,
) -> int:
    """The time below which every bar is closed, given the series' `last` bar (None: no bars).

    A bar is closed by the next one. The last bar is closed by the clock, once its end and the
    symbol's last change (`updated`) are both `lateness` seconds past: a replay of old prices stays
    open as long as it runs.
    """
    if last is None:
        return 0
    if now >= closes_at(calendar, resolution, last, updated=updated, lateness=lateness):
        return max(calendar.end(last, resolution), last + 1)
    return last


def closes_at(
    calendar: Calendar, resolution: Resolution, last: int, *, updated: float, lateness: float
) -> float:
    """When the clock closes the last bar of a series if nothing else happens."""
    return max(calendar.end(last, resolution), updated) + lateness
