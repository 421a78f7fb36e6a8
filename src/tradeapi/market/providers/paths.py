"""Random price paths: days out of nothing, and the minutes that a day is made of."""

from dataclasses import dataclass

import numpy as np

from tradeapi.analytics.bars import Bars, BoolArray, Float64Array, Int64Array

# Per day: the night, the day, how wild it is, its volume, and two each for its high and low.
_DRAWS = 8
_NIGHT = 0.25
_WILDNESS = 0.3
# The expected range of a Brownian path is this many times its deviation.
_RANGE = 1.6


@dataclass(frozen=True, slots=True)
class Terms:
    """How a security's prices move; `sessions_per_year` is 365 for what never closes."""

    price: float
    volatility: float
    growth: float
    volume: float
    sessions_per_year: int

    @property
    def closes(self) -> bool:
        return self.sessions_per_year < 365


@dataclass(frozen=True, slots=True)
class Grid:
    """What prices and volumes are multiples of: `1 / ticks_per_unit`, and `lot`."""

    ticks_per_unit: int
    lot: float


def walk(terms: Terms, is_session: BoolArray, random: np.random.Generator) -> Bars:
    """Daily bars of consecutive calendar days, timed 0, 1, 2...; a geometric Brownian motion.

    A longer walk begins like a shorter one, and a day without a session stands still, whatever
    the others do.
    """
    draws = random.standard_normal((len(is_session), _DRAWS)).T
    deviation = terms.volatility / np.sqrt(terms.sessions_per_year)
    drift = (terms.growth - terms.volatility**2 / 2) / terms.sessions_per_year
    share = _NIGHT if terms.closes else 0.0
    wild = deviation * np.exp(_WILDNESS * draws[2]) * np.sqrt(1 - share)
    night = np.where(is_session, deviation * np.sqrt(share) * draws[0], 0.0)
    day = np.where(is_session, drift + wild * draws[1], 0.0)
    close = np.log(terms.price) + np.cumsum(night + day)
    open = close - day
    # The extremes of a Brownian bridge: two squared normals are twice an exponential.
    over = np.sqrt(day**2 + wild**2 * (draws[4] ** 2 + draws[5] ** 2))
    under = np.sqrt(day**2 + wild**2 * (draws[6] ** 2 + draws[7] ** 2))
    volume = terms.volume * np.exp(0.3 * draws[3] + 0.25 * np.abs(draws[1]))
    return Bars(
        np.arange(len(is_session), dtype=np.int64),
        np.exp(open),
        np.exp((open + close + over) / 2),
        np.exp((open + close - under) / 2),
        np.exp(close),
        volume,
    )[is_session]


def quantise(bars: Bars, grid: Grid) -> Bars:
    """Prices in whole ticks, at least one, and volumes in whole lots."""
    open, high, low, close = (
        np.maximum(np.rint(prices * grid.ticks_per_unit), 1.0) / grid.ticks_per_unit
        for prices in (bars.open, bars.high, bars.low, bars.close)
    )
    return Bars(bars.time, open, high, low, close, np.rint(bars.volume / grid.lot) * grid.lot)


def spread(day: Bars, times: Int64Array, grid: Grid, random: np.random.Generator) -> Bars:
    """Bars at `times`, some hundred of them, that fold to the one daily bar bit for bit."""
    open, high, low, close = (
        float(np.rint(prices[0] * grid.ticks_per_unit))
        for prices in (day.open, day.high, day.low, day.close)
    )
    count = len(times)
    shape = _shape(count, closes=count < 1440)
    points, deviation = _points(open, high, low, close, shape, random)
    begin, end = points[:-1], points[1:]
    beyond = np.rint(np.abs(random.standard_normal((2, count))) * deviation * 0.6)
    tops = np.minimum(np.maximum(begin, end) + beyond[0], high)
    bottoms = np.maximum(np.minimum(begin, end) - beyond[1], low)
    lots = _shares(day.volume[0] / grid.lot, shape, random)
    return Bars(
        time=times,
        open=begin / grid.ticks_per_unit,
        high=tops / grid.ticks_per_unit,
        low=bottoms / grid.ticks_per_unit,
        close=end / grid.ticks_per_unit,
        volume=lots * grid.lot,
    )


def _points(  # noqa: PLR0913, PLR0917  a bar's four prices belong together
    open: float,
    high: float,
    low: float,
    close: float,
    shape: Float64Array,
    random: np.random.Generator,
) -> tuple[Float64Array, Float64Array]:
    """The prices between the minutes: a bridge from the open over both extremes to the close."""
    count = len(shape)
    one, two = np.sort(random.choice(count - 1, 2, replace=False)) + 1
    extremes = (low, high) if close >= open else (high, low)
    places, anchors = [0, int(one), int(two), count], [open, *extremes, close]
    deviation = (high - low) / _RANGE * np.sqrt(shape / shape.sum())
    loose = np.concatenate([[0.0], np.cumsum(random.standard_normal(count) * deviation)])
    every = np.arange(count + 1)
    points = np.interp(every, places, anchors) + loose - np.interp(every, places, loose[places])
    if high > low:
        # What leaves the range is mirrored back into it.
        points = high - np.abs((points - low) % (2 * (high - low)) - (high - low))
    points = np.clip(np.rint(points), low, high)
    points[places] = anchors
    return points, deviation


def _shares(lots: float, shape: Float64Array, random: np.random.Generator) -> Float64Array:
    """Whole lots for each minute, all of them together."""
    weights = np.cumsum(shape * np.exp(0.5 * random.standard_normal(len(shape))))
    edges = np.floor(weights / weights[-1] * lots)
    edges[-1] = lots
    return np.diff(edges, prepend=0.0)


def _shape(count: int, *, closes: bool) -> Float64Array:
    """How busy each minute is: a market that closes is busiest as it opens and before it closes."""
    if not closes:
        return np.ones(count)
    place = np.linspace(-1.0, 1.0, count)
    return np.where(place < 0, 1.0 + 2.4 * place**4, 1.0 + 1.6 * place**6)
