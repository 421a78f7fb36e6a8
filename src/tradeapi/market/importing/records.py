"""The rows of a file that is taken in row by row."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from math import isnan, nan

from tradeapi.market.bars.validation import Reason
from tradeapi.market.calendars.days import DAY, EPOCH
from tradeapi.market.importing.tables import Batch
from tradeapi.market.importing.values import instants, texts

_NO_DAY = {"", "-", "n/a", "na", "nan", "none", "null"}


class Faulty(Exception):
    """A row that can't be taken, and why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def records(batch: Batch, roles: Sequence[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Each row's line, and the trimmed text of each role's column; "" is what is missing."""
    columns = [texts(column) for column in batch.columns]
    for line, *cells in zip(batch.lines.tolist(), *columns, strict=True):
        yield line, dict(zip(roles, cells, strict=True))


def days(batch: Batch, roles: Sequence[str], role: str) -> Sequence[float]:
    """The instants of a role's column; NaN for what is none, also where there is no column."""
    if role not in roles:
        return [nan] * len(batch)
    found: Sequence[float] = instants(batch.columns[[*roles].index(role)]).local.tolist()
    return found


def day(text: str, instant: float) -> date | None:
    """The day of a text that was read as an instant; None for what is missing.

    Raises Faulty for what is no day.
    """
    if text.lower() in _NO_DAY:
        return None
    # NaN, which is no time, has no remainder of zero either.
    if instant % DAY != 0:
        raise Faulty(Reason.BAD_TIME)
    return date.fromordinal(EPOCH + int(instant) // DAY)


def number(text: str) -> float | None:
    """None for what is missing; raises Faulty for what is no number."""
    try:
        value = float(text or "nan")
    except ValueError as error:
        raise Faulty("bad_number") from error
    return None if isnan(value) else value
