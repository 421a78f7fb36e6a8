"""An indicator with its parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from tradeapi.analytics.indicators import INDICATORS, Indicator
from tradeapi.errors import FieldError, Invalid


@dataclass(frozen=True, slots=True)
class Study:
    """`values` are those of the indicator's parameters, in their order."""

    indicator: Indicator
    values: tuple[float, ...]

    @classmethod
    def of(cls, name: str, parameters: Mapping[str, object], pointer: str = "") -> Self:
        """What is not given has its default.

        Raises Invalid, with every fault at `{pointer}/indicator` or `{pointer}/params/{parameter}`.
        """
        indicator = INDICATORS.get(name)
        if indicator is None:
            detail = f"There is no indicator {name[:20]!r}; there are {', '.join(INDICATORS)}."
            raise Invalid(detail, errors=[FieldError(f"{pointer}/indicator", detail)])
        values, faults = _read(indicator, parameters)
        if faults:
            errors = [FieldError(f"{pointer}/params{at}", why) for at, why in faults]
            raise Invalid(f"No {name} can be computed with these parameters.", errors=errors)
        return cls(indicator, values)

    @property
    def parameters(self) -> dict[str, float]:
        names = [parameter.name for parameter in self.indicator.parameters]
        return dict(zip(names, self.values, strict=True))

    @property
    def lookback(self) -> int:
        """How many bars precede the first that has a value."""
        return self.indicator.lookback(*self.values)

    @property
    def warm_up(self) -> int:
        """How many bars to load before the first to be shown.

        By then no value differs by more than 1e-9 from that over the whole history: relative to
        itself, or to the price for MACD, whose values cross 0, or to 100 for RSI and ADX. Only in a
        CCI of prices that hardly deviate more shows of their rounding: it divides by the deviation.

        It is 0 where a session or all history has to be loaded, and may not be enough where the
        market stood still, as the indicator's `memory` says: `points.is_settled` tells.
        """
        return self.lookback + sum(self.indicator.settling(*self.values))


def _read(
    indicator: Indicator, parameters: Mapping[str, object]
) -> tuple[tuple[float, ...], list[tuple[str, str]]]:
    """The values, and what is wrong with them as (pointer, sentence)."""
    known = [parameter.name for parameter in indicator.parameters]
    faults = [
        ("", f"There is no parameter {name[:20]!r}; there are {', '.join(known) or 'none'}.")
        for name in parameters
        if name not in known
    ]
    values: dict[str, float] = {}
    for parameter in indicator.parameters:
        try:
            values[parameter.name] = parameter.read(parameters.get(parameter.name))
        except ValueError as error:
            faults.append((f"/{parameter.name}", str(error)))
    for smaller, larger in pairwise(indicator.ascending):
        if smaller in values and larger in values and values[smaller] >= values[larger]:
            why = f"must be above {smaller} ({values[smaller]}), was {values[larger]}."
            faults.append((f"/{larger}", why))
    return tuple(values.values()), faults
