"""The file that is replayed."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from tradeapi.analytics.bars import Bars
from tradeapi.market.bars.validation import validate
from tradeapi.market.calendars.calendar import Continuous
from tradeapi.market.importing.bar_reader import BarReader
from tradeapi.market.importing.detection import detect
from tradeapi.market.importing.files import open_table
from tradeapi.market.importing.rejects import Rejects
from tradeapi.market.importing.rows import FileRows
from tradeapi.market.importing.tables import Unusable
from tradeapi.market.resolutions import Resolution


def read_recording(path: Path, symbol: str, *, now: float) -> tuple[Bars, int]:
    """The 1-minute bars of a file that an import could take too, and how many rows are none.

    Raises Unusable.
    """
    rejects = Rejects()
    reader = BarReader(open_table(path), rejects, exchange=None, symbol=symbol)
    chunks = list(reader.chunks())
    if not chunks:
        raise Unusable(f"{path}: it has no rows.")
    rows = FileRows.concat(chunks)
    if len(rows) > 1 and (found := detect(rows.codes, rows.seconds)) is not Resolution.MINUTE:
        raise Unusable(f"{path}: its bars are of {found}, and only bars of 1m can be replayed.")
    # The service knows the market's hours, and refuses what lies outside of them.
    verdict = validate(rows.candidates(Resolution.MINUTE), Resolution.MINUTE, Continuous(), now=now)
    if not len(verdict.bars):
        raise Unusable(f"{path}: none of its rows is a bar.")
    return _within_range(verdict.bars), reader.read - len(verdict.bars)


def _within_range(bars: Bars) -> Bars:
    """No trades lead outside of the range, not by the tick that an import lets pass."""
    return replace(
        bars,
        high=np.maximum.reduce([bars.open, bars.high, bars.close]),
        low=np.minimum.reduce([bars.open, bars.low, bars.close]),
    )
