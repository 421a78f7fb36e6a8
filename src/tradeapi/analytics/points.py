"""A study over a history of bars.

A point is a bar's time with a finite number for each output. Bars that have none, for the warm-up,
a missing input, or a formula that divides by nothing, have no point: there are no gaps in columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tradeapi.analytics.bars import BoolArray, Float64Array, Int64Array
from tradeapi.analytics.engines import run
from tradeapi.analytics.indicators import Memory
from tradeapi.analytics.studies import Study

Columns = Mapping[str, Float64Array]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """`time` ascends, int64 of shape (points,); each output is a float64 array of that shape."""

    time: Int64Array
    outputs: dict[str, Float64Array]

    def __len__(self) -> int:
        return len(self.time)


def compute(study: Study, time: Int64Array, columns: Columns) -> Points:
    """The points of all bars after the lookback.

    `columns` holds each of the study's inputs, of shape (bars,) as `time`. A bar of which an input
    is NaN or infinite counts as no bar at all: the next continues from the one before it.
    """
    usable = usable_bars(study, columns)
    inputs = [column[usable] for column in inputs_of(study, columns)]
    names = study.indicator.outputs
    if np.count_nonzero(usable) <= study.lookback:
        return Points(time[:0], {name: np.empty(0) for name in names})
    outputs = run(study, inputs)
    shown = np.logical_and.reduce([np.isfinite(output) for output in outputs])
    return Points(
        time[usable][shown],
        {name: output[shown] for name, output in zip(names, outputs, strict=True)},
    )


def is_settled(study: Study, columns: Columns, at: int) -> bool:
    """Whether bars from before these could not change the value of bar `at` any more.

    False asks for earlier bars, as long as there are any. It is always False for what needs a whole
    history, and for a session's where the session of bar `at` is that of the first.
    """
    usable = usable_bars(study, columns)[: at + 1]
    inputs = [column[: at + 1][usable] for column in inputs_of(study, columns)]
    indicator = study.indicator
    if indicator.memory is Memory.HISTORY or not len(inputs[0]):
        return False
    if indicator.memory is Memory.SESSION:
        session, *_ = inputs
        return bool(session[0] != session[-1])
    first, *later = indicator.settling(*study.values)
    end = max(0, len(inputs[0]) - sum(later))
    moves = np.flatnonzero(indicator.moved(*(column[:end] for column in inputs)))
    return bool(len(moves)) and int(moves[-1]) >= study.lookback + first


def inputs_of(study: Study, columns: Columns) -> list[Float64Array]:
    return [columns[name] for name in study.indicator.inputs]


def usable_bars(study: Study, columns: Columns) -> BoolArray:
    usable: BoolArray = np.logical_and.reduce(
        [np.isfinite(column) for column in inputs_of(study, columns)]
    )
    return usable
