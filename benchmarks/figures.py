"""One line of the table: what was measured, against what, and whether that is enough."""

from collections.abc import Sequence
from dataclasses import dataclass

HEADER = ("figure", "unit", "floor", "ours", "ratio", "target", "met", "how")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """With a `floor` the target is for the ratio ours : floor, without one for ours itself.

    Without a target it is there to be known.
    """

    what: str
    ours: float
    unit: str
    floor: float | None = None
    at_most: float | None = None
    at_least: float | None = None
    how: str = ""

    @property
    def ratio(self) -> float | None:
        return self.ours / self.floor if self.floor else None

    @property
    def is_met(self) -> bool:
        value = self.ours if self.ratio is None else self.ratio
        return (self.at_most is None or value <= self.at_most) and (
            self.at_least is None or value >= self.at_least
        )

    def cells(self) -> tuple[str, ...]:
        target, met = "-", "-"
        if self.at_most is not None or self.at_least is not None:
            met = "yes" if self.is_met else "NO"
            target = f"<= {self.at_most:g}" if self.at_most is not None else f">= {self.at_least:g}"
        ratio = "-" if self.ratio is None else f"{self.ratio:.2f}"
        return (
            self.what,
            self.unit,
            _number(self.floor),
            _number(self.ours),
            ratio,
            target,
            met,
            self.how,
        )


def table(figures: Sequence[Figure]) -> str:
    lines = [HEADER, *(figure.cells() for figure in figures)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join(f"| {_row(line, widths)} |" for line in lines)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
