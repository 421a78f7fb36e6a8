"""One run of an import over several files: what is done with each, and what is said of it."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tradeapi.market.importing.files import open_table
from tradeapi.market.importing.rejects import Rejects, place_for_rejects
from tradeapi.market.importing.tables import Table, Unusable

Advance = Callable[[int], None]


class Import(Protocol):
    """The import of one file, which was found to have the columns it takes."""

    @property
    def read(self) -> int:
        """The rows read until now, faulty ones included."""
        ...

    @property
    def statuses(self) -> Counter[str]:
        """How many rows were inserted, updated and unchanged."""
        ...

    async def run(self, advance: Advance) -> None:
        """Take the rows in; `advance` is told how many are done with, as they are."""
        ...

    def remarks(self) -> list[str]:
        """What else somebody who waited for it should know."""
        ...


class Display(Protocol):
    """Shows how far the import of a file is."""

    def begin(self, path: Path) -> None: ...

    def show(self, done: int, total: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of a file's rows."""

    path: Path
    read: int
    statuses: Counter[str]
    rejected: Counter[str]
    rejects_path: Path
    seconds: float
    remarks: Sequence[str]

    def __str__(self) -> str:
        speed = self.read / max(self.seconds, 1e-3)
        lines = [
            f"{self.path}: {self.read:,} rows read in {self.seconds:.1f} s ({speed:,.0f} rows/s)",
            *(f"  {status:<10}{self.statuses[status]:>12,}" for status in _STATUSES),
            f"  {'rejected':<10}{self.rejected.total():>12,}",
            *(f"    {reason:<22}{count:>8,}" for reason, count in self.rejected.most_common()),
        ]
        if self.rejected:
            lines.append(f"  The rejected rows are in {self.rejects_path}.")
        return "\n".join([*lines, *(f"  {remark}" for remark in self.remarks)])


class Run:
    """Files to import with `begin`, which makes the import of an opened one.

    All are opened before the first is taken in, so that a wrong name or column costs no time.
    Raises Unusable, which names the file.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        begin: Callable[[Table, Rejects], Import],
        rejects_to: Path | None,
    ) -> None:
        self._files: list[tuple[Table, Rejects, Import]] = []
        for path in paths:
            with _named(path):
                table, rejects = open_table(path), Rejects()
                self._files.append((table, rejects, begin(table, rejects)))
        self._rejects_to = rejects_to
        if rejects_to is not None and rejects_to.resolve() in {path.resolve() for path in paths}:
            raise Unusable(f"{rejects_to}: it is to be imported, so it can't take the rejects")

    async def run(self, display: Display, tell: Callable[[Summary], None]) -> None:
        """Import one file after the other, and tell about each when it is done."""
        if self._rejects_to is not None:
            self._rejects_to.unlink(missing_ok=True)
        for table, rejects, file in self._files:
            rejects_to = self._rejects_to or place_for_rejects(table.path)
            started = time.monotonic()
            display.begin(table.path)
            done = 0

            def advance(rows: int, table: Table = table, file: Import = file) -> None:
                nonlocal done
                done += rows
                display.show(done, file.read / table.progress)

            with _named(table.path):
                try:
                    await file.run(advance)
                finally:
                    if rejects.by_reason:
                        rejects.write(table, rejects_to)
                    tell(
                        Summary(
                            path=table.path,
                            read=file.read,
                            statuses=file.statuses,
                            rejected=rejects.by_reason,
                            rejects_path=rejects_to,
                            seconds=time.monotonic() - started,
                            remarks=file.remarks(),
                        )
                    )


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except Unusable as error:
        raise Unusable(f"{path}: {error}.") from error


_STATUSES = ("inserted", "updated", "unchanged")
