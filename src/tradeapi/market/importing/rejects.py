"""The rows that an import did not take, each with its line and the reason."""

import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tradeapi.analytics.bars import Int64Array
from tradeapi.market.importing.tables import Table

HEADER = ("file", "line", "reason", "row")
LONGEST_ROW = 2_000


class Rejects:
    """The rejected rows of one file."""

    def __init__(self) -> None:
        self._lines: dict[str, list[Int64Array]] = {}

    def add(self, reason: str, lines: Iterable[int] | Int64Array) -> None:
        found = np.fromiter(lines, np.int64) if not isinstance(lines, np.ndarray) else lines
        if len(found):
            self._lines.setdefault(reason, []).append(found)

    @property
    def by_reason(self) -> Counter[str]:
        return Counter({reason: sum(map(len, runs)) for reason, runs in self._lines.items()})

    def write(self, table: Table, path: Path) -> None:
        """Append them to a CSV file, in the order of their lines, as they stand in the file."""
        reasons = [*self._lines]
        runs = [np.concatenate(self._lines[reason]) for reason in reasons]
        lines = np.concatenate(runs)
        whys = np.repeat(np.arange(len(runs)), [len(run) for run in runs])
        order = np.argsort(lines, kind="stable")
        is_new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(HEADER)
            rows = table.rows_at(lines[order])
            for row, line, why in zip(
                rows, lines[order].tolist(), whys[order].tolist(), strict=True
            ):
                writer.writerow((table.path, line, reasons[why], row[:LONGEST_ROW]))


def place_for_rejects(path: Path) -> Path:
    """Where a file's rejects go unless told: next to it, or here where nobody may write there.

    What an earlier import left there is removed.
    """
    place = path.with_name(f"{path.name}.rejects.csv")
    try:
        place.unlink(missing_ok=True)
        # Only trying tells: permissions are not all that may forbid it.
        place.touch()
        place.unlink()
    except OSError:
        place = Path(place.name)
        place.unlink(missing_ok=True)
    return place
