"""A study carried forward as bars close."""

from math import isfinite

import numpy as np

from tradeapi.analytics.bars import Float64Array
from tradeapi.analytics.engines import Number, opened
from tradeapi.analytics.points import Columns, inputs_of, usable_bars
from tradeapi.analytics.studies import Study

Values = tuple[float, ...]


class LiveStudy:
    """Bit for bit what `compute` gives over the same bars.

    It cannot be told that a bar has changed that it has seen: open another on the revised history.
    A bar is a number for each of the study's inputs, in their order; the values are in the order of
    its outputs, or None where the bar has no point. A bar with a number that is not finite is
    passed over, as `compute` does.
    """

    def __init__(self, study: Study, columns: Columns) -> None:
        """On the closed bars so far, however few."""
        usable = usable_bars(study, columns)
        self.study = study
        # Shape (inputs, bars): those that are too few yet.
        self._early = np.array([column[usable] for column in inputs_of(study, columns)])
        self._engine = opened(study, self._early)
        if self._engine is not None:
            self._early = self._early[:, :0].copy()

    def update(self, *bar: float) -> Values | None:
        """Add a closed bar; its values."""
        if not all(map(isfinite, bar)):
            return None
        if self._engine is not None:
            return _finite(self._engine.update(*bar))
        self._early = self._early_with(bar)
        self._engine = opened(self.study, self._early)
        return None if self._engine is None else _finite(self._engine.value)

    def peek(self, *bar: float) -> Values | None:
        """The values of a bar that still forms, as often as it changes; nothing is added."""
        if not all(map(isfinite, bar)):
            return None
        if self._engine is not None:
            return _finite(self._engine.peek(*bar))
        engine = opened(self.study, self._early_with(bar))
        return None if engine is None else _finite(engine.value)

    def _early_with(self, bar: tuple[float, ...]) -> Float64Array:
        return np.column_stack([self._early, bar])


def _finite(number: Number) -> Values | None:
    values = number if isinstance(number, tuple) else (number,)
    return values if all(map(isfinite, values)) else None
