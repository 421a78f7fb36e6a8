"""What computes a study: TA-Lib, or a formula of ours, with one face."""

import sys
from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Protocol

from tradeapi.analytics.bars import Float64Array
from tradeapi.analytics.studies import Study
from tradeapi.analytics.vwap import SessionVwap, session_vwap

Number = float | tuple[float, ...]


class Engine(Protocol):
    """Closed bars folded into a state; a bar is a number for each of the study's inputs.

    An indicator of several outputs has a tuple of numbers.
    """

    @property
    def value(self) -> Number: ...

    def update(self, *bar: float) -> Number:
        """Add a closed bar."""

    def peek(self, *bar: float) -> Number:
        """What `update` would return; nothing is added."""


def run(study: Study, columns: Sequence[Float64Array]) -> tuple[Float64Array, ...]:
    """An array for each output, all of shape (bars,); what has no value is not finite."""
    function = study.indicator.function
    if not function:
        return (session_vwap(*columns),)
    outputs = getattr(_talib(), function)(*columns, **_arguments(study))
    return outputs if isinstance(outputs, tuple) else (outputs,)


def opened(study: Study, columns: Sequence[Float64Array] | Float64Array) -> Engine | None:
    """Carried over these bars; None while they are too few for a value."""
    function = study.indicator.function
    if not function:
        return SessionVwap.opened(*columns)
    talib = _talib()
    try:
        engine: Engine = getattr(talib.stream, function)(*columns, **_arguments(study))
    except talib.InsufficientHistory:
        return None
    return engine


def _arguments(study: Study) -> dict[str, float]:
    named = zip(study.indicator.parameters, study.values, strict=True)
    return {argument: value for parameter, value in named for argument in parameter.talib}


@cache
def _talib() -> ModuleType:
    """Imported by whoever first computes: 18 ms and 5 MB, but 60 MB and a second with pandas."""
    absent = "pandas" not in sys.modules
    if absent:
        # TA-Lib imports pandas if it is there, only to know its type. None stands for "not there".
        sys.modules["pandas"] = None  # type: ignore[assignment]
    try:
        import talib  # noqa: PLC0415
    finally:
        if absent:
            sys.modules.pop("pandas", None)  # another thread may have been here
    return talib
