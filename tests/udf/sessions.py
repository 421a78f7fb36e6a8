"""Reads sessions, days off and odd days as TradingView's charts do; knows no calendar."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

# Those that a symbol may have.
ZONES = frozenset(
    [
        "Etc/UTC",
        *(
            f"{region}/{city}"
            for region, cities in {
                "Africa": "Cairo Casablanca Johannesburg Lagos Nairobi Tunis",
                "America": "Anchorage Argentina/Buenos_Aires Bogota Caracas Chicago El_Salvador"
                " Halifax Juneau Lima Los_Angeles Mexico_City New_York Phoenix Santiago Sao_Paulo"
                " Toronto Vancouver",
                "Asia": "Almaty Ashkhabad Bahrain Bangkok Chongqing Colombo Dhaka Dubai Ho_Chi_Minh"
                " Hong_Kong Jakarta Jerusalem Karachi Kathmandu Kolkata Kuala_Lumpur Kuwait Manila"
                " Muscat Nicosia Qatar Riyadh Seoul Shanghai Singapore Taipei Tehran Tokyo Yangon",
                "Atlantic": "Azores Reykjavik",
                "Australia": "Adelaide Brisbane Perth Sydney",
                "Europe": "Amsterdam Athens Belgrade Berlin Bratislava Brussels Bucharest Budapest"
                " Copenhagen Dublin Helsinki Istanbul Lisbon London Luxembourg Madrid Malta Moscow"
                " Oslo Paris Prague Riga Rome Stockholm Tallinn Vienna Vilnius Warsaw Zurich",
                "Pacific": "Auckland Chatham Fakaofo Honolulu Norfolk",
            }.items()
            for city in cities.split()
        ),
    ]
)
WORKDAYS = "23456"
EVERY_DAY = "1234567"


@dataclass(frozen=True, slots=True)
class Sessions:
    """`week` is what each weekday has, from Sunday = 1 on."""

    zone: ZoneInfo
    week: Mapping[str, str]
    days_off: frozenset[str]
    corrections: Mapping[str, str]

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> "Sessions":
        """As it is described by a symbol."""
        week: dict[str, str] = {}
        session = info["session"].replace("24x7", f"0000-0000:{EVERY_DAY}")
        for alternative in session.split("|") if session else ():
            hours, _, weekdays = alternative.partition(":")
            week |= dict.fromkeys(weekdays or WORKDAYS, hours)
        corrections: dict[str, str] = {}
        for correction in info.get("corrections", "").split(";"):
            hours, _, dates = correction.partition(":")
            corrections |= dict.fromkeys(dates.split(","), hours)
        off = info.get("session_holidays", "")
        return cls(ZoneInfo(info["timezone"]), week, frozenset(off.split(",")), corrections)

    def hours(self, day: date) -> Sequence[tuple[int, int]]:
        """The instants between which it trades on this day, or nothing."""
        name = f"{day:%Y%m%d}"
        usual = "" if name in self.days_off else self.week.get(str(day.isoweekday() % 7 + 1), "")
        hours = self.corrections.get(name, usual)
        return [self._part(part, day) for part in hours.split(",")] if hours else []

    def days(self, first: date, last: date) -> Sequence[tuple[int, int, int]]:
        """Day, open and close of all parts of all days, both ends included."""
        dates = (first + timedelta(number) for number in range((last - first).days + 1))
        midnight = {day: datetime(day.year, day.month, day.day, tzinfo=UTC) for day in dates}
        return [
            *chain.from_iterable(
                [(int(at.timestamp()), *part) for part in self.hours(day)]
                for day, at in midnight.items()
            )
        ]

    def _part(self, part: str, day: date) -> tuple[int, int]:
        begin, end = (_parse(text) for text in part.split("-"))
        is_told = begin[1] > 0
        if not is_told and begin[0] >= (end[0] or timedelta(1)):
            begin = begin[0], 1
        close = end[0] if end[0] or end[1] else timedelta(1)
        return self._instant(day, begin[0], begin[1]), self._instant(day, close, end[1])

    def _instant(self, day: date, after_midnight: timedelta, days_before: int) -> int:
        wall = datetime(day.year, day.month, day.day) + after_midnight - timedelta(days_before)  # noqa: DTZ001
        return int(wall.replace(tzinfo=self.zone).timestamp())


def _parse(text: str) -> tuple[timedelta, int]:
    """The time of the day, and how many days before it is."""
    clock, mark, days = text.partition("F")
    assert len(clock) == 4
    assert clock.isdecimal()
    return timedelta(hours=int(clock[:2]), minutes=int(clock[2:])), int(days or 1) if mark else 0
