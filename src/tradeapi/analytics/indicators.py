"""The indicators there are: parameters, inputs, outputs, and how far back each looks.

Formulas, parameters and defaults are TA-Lib's (https://ta-lib.org/functions); the VWAP's is ours.
Nothing here computes: see `points` for history and `live_studies` for live bars.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, log

from tradeapi.analytics import moves
from tradeapi.analytics.bars import BoolArray

LONGEST_PERIOD = 1000

# What a smoothing may still hold of the bars before the warm-up. Values agree with those over the
# whole history to 1e-9 even where prices, or their moves, were a thousand times as large before.
REMAINDER = 1e-12


class Memory(StrEnum):
    """What of the past a value depends on, and so what has to be loaded before the first shown."""

    BARS = "bars"  # as many bars as the warm-up says
    MOVES = "moves"  # as many before the last that moved: while nothing moves, nothing is forgotten
    SESSION = "session"  # all bars of its session
    HISTORY = "history"  # all bars there are


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number from `minimum` to `maximum`, a whole one if its default is."""

    name: str
    default: float
    minimum: float
    maximum: float = LONGEST_PERIOD
    talib: tuple[str, ...] = ("timeperiod",)

    @property
    def is_whole(self) -> bool:
        return isinstance(self.default, int)

    def read(self, value: object) -> float:
        """The value, or the default for None; raises ValueError with the end of a sentence."""
        if value is None:
            return self.default
        if not isinstance(value, int if self.is_whole else int | float) or value is True:
            raise ValueError(f"must be a {'whole ' * self.is_whole}number.")
        if not self.minimum <= value <= self.maximum:
            limits = f"{self.minimum:g} to {self.maximum:g}"
            raise ValueError(f"must be from {limits}, was {str(value)[:20]}.")
        return value if self.is_whole else float(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """`inputs` name columns of the bars; a series of single values is a `close` and nothing else.

    `session` is an input of its own: a number that differs between sessions and is the same for all
    bars of one, such as the session's start. `lookback(*parameters)` is how many bars precede the
    first value; `settling(*parameters)` is how many more each smoothing takes to forget where the
    bars began, one smoothing after the other. `moved(*inputs)` says which bars are moves.
    `ascending` names parameters of which each must be above the one before. `function` is TA-Lib's.
    """

    name: str
    title: str
    function: str
    parameters: tuple[Parameter, ...] = ()
    ascending: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ("close",)
    outputs: tuple[str, ...]
    memory: Memory = Memory.BARS
    lookback: Callable[..., int]
    settling: Callable[..., tuple[int, ...]] = lambda *_: (0,)
    moved: Callable[..., BoolArray] = moves.any_bar


def _exponential(*periods: int) -> tuple[int, ...]:
    """For averages that give each bar the weight 2 / (period + 1)."""
    return tuple(_forgotten((period - 1) / (period + 1)) for period in periods)


def _wilder(*periods: int) -> tuple[int, ...]:
    """For Wilder's averages, that give each bar the weight 1 / period."""
    return tuple(_forgotten((period - 1) / period) for period in periods)


def _forgotten(kept: float) -> int:
    """`kept` is the share of the past that each bar leaves."""
    return ceil(log(REMAINDER) / log(kept)) if kept else 0


_HIGH_LOW_CLOSE = ("high", "low", "close")


def _period(default: int) -> tuple[Parameter, ...]:
    return (Parameter("period", default, 2),)


_ALL = (
    Indicator(
        name="sma",
        title="Simple moving average",
        function="SMA",
        parameters=_period(30),
        outputs=("sma",),
        lookback=lambda period: period - 1,
    ),
    Indicator(
        name="ema",
        title="Exponential moving average",
        function="EMA",
        parameters=_period(30),
        outputs=("ema",),
        lookback=lambda period: period - 1,
        settling=_exponential,
    ),
    Indicator(
        name="wma",
        title="Weighted moving average",
        function="WMA",
        parameters=_period(30),
        outputs=("wma",),
        lookback=lambda period: period - 1,
    ),
    Indicator(
        name="rsi",
        title="Relative strength index",
        function="RSI",
        parameters=_period(14),
        outputs=("rsi",),
        memory=Memory.MOVES,
        lookback=lambda period: period,
        settling=_wilder,
        moved=moves.of_close,
    ),
    Indicator(
        name="macd",
        title="Moving average convergence/divergence",
        function="MACD",
        parameters=(
            Parameter("fast", 12, 2, talib=("fastperiod",)),
            Parameter("slow", 26, 2, talib=("slowperiod",)),
            Parameter("signal", 9, 1, talib=("signalperiod",)),
        ),
        ascending=("fast", "slow"),
        outputs=("macd", "signal", "histogram"),
        lookback=lambda _, slow, signal: slow - 1 + signal - 1,
        # The signal can only begin to forget once what it averages is right.
        settling=lambda _, slow, signal: _exponential(slow, signal),
    ),
    Indicator(
        name="bollinger",
        title="Bollinger bands",
        function="BBANDS",
        parameters=(
            *_period(20),
            Parameter("deviations", 2.0, 0.001, 50, talib=("nbdevup", "nbdevdn")),
        ),
        outputs=("upper", "middle", "lower"),
        lookback=lambda period, _: period - 1,
    ),
    Indicator(
        name="atr",
        title="Average true range",
        function="ATR",
        parameters=_period(14),
        inputs=_HIGH_LOW_CLOSE,
        outputs=("atr",),
        memory=Memory.MOVES,
        lookback=lambda period: period,
        settling=_wilder,
        moved=moves.of_range,
    ),
    Indicator(
        name="adx",
        title="Average directional index",
        function="ADX",
        parameters=_period(14),
        inputs=_HIGH_LOW_CLOSE,
        outputs=("adx",),
        memory=Memory.MOVES,
        lookback=lambda period: 2 * period - 1,
        settling=lambda period: _wilder(period, period),
        moved=moves.of_direction,
    ),
    Indicator(
        name="stochastic",
        title="Stochastic",
        function="STOCH",
        parameters=(
            Parameter("k", 5, 1, talib=("fastk_period",)),
            Parameter("slowing", 3, 1, talib=("slowk_period",)),
            Parameter("d", 3, 1, talib=("slowd_period",)),
        ),
        inputs=_HIGH_LOW_CLOSE,
        outputs=("k", "d"),
        lookback=lambda k, slowing, d: k + slowing + d - 3,
    ),
    Indicator(
        name="cci",
        title="Commodity channel index",
        function="CCI",
        parameters=_period(14),
        inputs=_HIGH_LOW_CLOSE,
        outputs=("cci",),
        lookback=lambda period: period - 1,
    ),
    Indicator(
        name="obv",
        title="On-balance volume",
        function="OBV",
        inputs=("close", "volume"),
        outputs=("obv",),
        memory=Memory.HISTORY,
        lookback=lambda: 0,
    ),
    Indicator(
        name="vwap",
        title="Volume-weighted average price of the session",
        function="",
        inputs=("session", *_HIGH_LOW_CLOSE, "volume"),
        outputs=("vwap",),
        memory=Memory.SESSION,
        lookback=lambda: 0,
    ),
)

INDICATORS = {indicator.name: indicator for indicator in _ALL}
