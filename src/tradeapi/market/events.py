"""What the market announces after a commit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Literal, NamedTuple, get_args

import orjson

from tradeapi.bus.port import Subject
from tradeapi.market.resolutions import Resolution

Kind = Literal["bar", "final", "revise"]
ResetReason = Literal["backfill", "actions", "retention"]


# More trades than this of one change are told by their bars alone.
MOST_TRADES = 500


class BarChange(NamedTuple):
    """One bar as it is now.

    `bar` replaces the newest bar or comes after it, `final` is the last word on what was the
    newest, `revise` changes a closed one.
    """

    kind: Kind
    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The newest facts of one symbol; a price that is not known is None.

    `is_intraday` says that the symbol has bars within the day: its price is of some minute, and
    else it is of a session's close.
    """

    last: float | None
    time: float | None
    day: int | None
    open: float | None
    high: float | None
    low: float | None
    volume: float | None
    previous_close: float | None
    is_intraday: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A committed change of one symbol; applies to listeners that stand at `version - 1`.

    A resolution named in `resets` has to be read anew; its bars are not listed. `trades` are the
    times and prices of the ticks behind it, in order of arrival; None where it has others, or more.
    """

    symbol_id: int
    symbol: str
    version: int
    revision: int
    updated: float
    quote: Quote
    bars: Mapping[Resolution, tuple[BarChange, ...]] = field(default_factory=dict)
    resets: Mapping[Resolution, ResetReason] = field(default_factory=dict)
    trades: Sequence[tuple[float, float]] | None = None


def encode(change: Changed) -> bytes:
    """Arrays of fields in their order: what a release adds to one of them comes at its end."""
    values = (
        change.symbol_id,
        change.symbol,
        change.version,
        change.revision,
        change.updated,
        _quote_values(change.quote),
        change.bars,
        change.resets,
        change.trades,
    )
    return orjson.dumps(values, default=list, option=orjson.OPT_NON_STR_KEYS)


def decode(payload: bytes) -> Changed:
    """Raises an error of whatever type for what is no change: anybody may write to Redis, and who
    follows the symbol counts on the types."""
    values = orjson.loads(payload)
    symbol_id, symbol, version, revision, updated, quote, bars, resets = values[:8]
    trades = values[8] if len(values) > _TRADES else None
    change = Changed(
        symbol_id=symbol_id,
        symbol=symbol,
        version=version,
        revision=revision,
        updated=updated,
        quote=Quote(**dict(zip(_QUOTE, quote, strict=False))),
        bars={
            _RESOLUTIONS[name]: tuple([BarChange._make(bar[:_BAR]) for bar in run])
            for name, run in bars.items()
            if name in _RESOLUTIONS
        },
        resets={
            _RESOLUTIONS[name]: reason for name, reason in resets.items() if name in _RESOLUTIONS
        },
        trades=None if trades is None else [(trade[0], trade[1]) for trade in trades],
    )
    if not _is_sound(change):
        raise ValueError("Some values are not of their type.")
    return change


def _is_sound(change: Changed) -> bool:
    counts = {type(change.symbol_id), type(change.version), type(change.revision)}
    return (
        counts == _COUNT
        and type(change.updated) in _NUMBERS
        and _QUOTE_TYPES.issuperset(map(type, _quote_values(change.quote)))
        and _REASONS.issuperset(change.resets.values())
        and all(
            bar.kind in _KINDS and _NUMBERS.issuperset(map(type, bar[1:]))
            for run in change.bars.values()
            for bar in run
        )
        and all(_NUMBERS.issuperset(map(type, trade)) for trade in change.trades or ())
    )


_QUOTE = tuple(field.name for field in fields(Quote))
_quote_values = attrgetter(*_QUOTE)
_BAR = len(BarChange._fields)
_TRADES = 8
_COUNT = {int}
_NUMBERS = {int, float}
_QUOTE_TYPES = {int, float, bool, type(None)}
_KINDS = get_args(Kind)
_REASONS = set(get_args(ResetReason))
_RESOLUTIONS = {resolution.value: resolution for resolution in Resolution}

CHANGES: Subject[Changed] = Subject("market.changes", encode, decode)
