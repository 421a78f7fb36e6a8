"""The rows of a file that is taken in row by row."""

from collections.abc import Iterator, Mapping, Sequence
from math import isnan

from tradeapi.market.importing.tables import Batch
from tradeapi.market.importing.values import texts


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


def number(text: str) -> float | None:
    """None for what is missing; raises Faulty for what is no number."""
    try:
        value = float(text or "nan")
    except ValueError as error:
        raise Faulty("bad_number") from error
    return None if isnan(value) else value
