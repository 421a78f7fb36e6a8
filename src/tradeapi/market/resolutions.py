"""The widths a bar can have, and which finer bars each is folded from."""

from enum import StrEnum
from typing import Self

from tradeapi.errors import Invalid


class Resolution(StrEnum):
    """A bar's width by its name on this API; case matters (`1m` minute, `1M` month)."""

    MINUTE = "1m"
    MINUTES_5 = "5m"
    MINUTES_15 = "15m"
    MINUTES_30 = "30m"
    HOUR = "1h"
    HOURS_4 = "4h"
    DAY = "1d"
    WEEK = "1w"
    MONTH = "1M"

    @classmethod
    def parse(cls, text: str) -> Self:
        try:
            return cls(text)
        except ValueError as error:
            raise Invalid(
                f"There is no resolution {text[:20]!r}; the resolutions are {', '.join(cls)}.",
                code="unknown_resolution",
            ) from error

    @property
    def seconds(self) -> int:
        """The nominal width; a session's last bar, a week and a month may be shorter."""
        return _SECONDS[self]

    @property
    def is_intraday(self) -> bool:
        return self.seconds < 86400

    @property
    def finer(self) -> "Resolution | None":
        """What a derived bar of this width is folded from."""
        return _FINER[self]

    @property
    def coarser(self) -> tuple["Resolution", ...]:
        """What is folded from bars of this width."""
        return _COARSER[self]


_SECONDS = {
    Resolution.MINUTE: 60,
    Resolution.MINUTES_5: 300,
    Resolution.MINUTES_15: 900,
    Resolution.MINUTES_30: 1800,
    Resolution.HOUR: 3600,
    Resolution.HOURS_4: 14400,
    Resolution.DAY: 86400,
    Resolution.WEEK: 604800,
    Resolution.MONTH: 2592000,
}
_FINER: dict[Resolution, Resolution | None] = {
    Resolution.MINUTE: None,
    Resolution.MINUTES_5: Resolution.MINUTE,
    Resolution.MINUTES_15: Resolution.MINUTES_5,
    Resolution.MINUTES_30: Resolution.MINUTES_15,
    Resolution.HOUR: Resolution.MINUTES_30,
    Resolution.HOURS_4: Resolution.HOUR,
    Resolution.DAY: Resolution.HOURS_4,
    Resolution.WEEK: Resolution.DAY,
    Resolution.MONTH: Resolution.DAY,
}
_COARSER = {
    resolution: tuple(other for other, finer in _FINER.items() if finer is resolution)
    for resolution in Resolution
}
