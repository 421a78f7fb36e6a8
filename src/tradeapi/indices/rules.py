"""What an index's rules mean, and which make no sense."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import orjson

from tradeapi.analytics.bars import Int64Array
from tradeapi.analytics.indices.methodology import Methodology, Return, Schedule, Weighting
from tradeapi.errors import FieldError, Invalid
from tradeapi.indices.schemas import Rules
from tradeapi.indices.sessions import sessions
from tradeapi.indices.universe import Universe
from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.calendars.days import DAY, day_of
from tradeapi.market.symbols.names import Name

# What changes no level.
_NAMES = {"name"}


def methodology_of(rules: Rules, universe: Universe) -> Methodology:
    """As the computation takes them; columns are those of the universe, which may be a part of all
    that the rules let in."""
    columns = {member.symbol: column for column, member in enumerate(universe.members)}
    weights = {Name.parse(symbol).symbol: weight for symbol, weight in rules.weights.items()}
    return Methodology(
        base_value=rules.base_value,
        count=rules.count,
        buffer=rules.buffer,
        weighting=rules.weighting,
        cap=rules.cap,
        custom={columns[name]: weights[name] for name in weights if name in columns},
        window=rules.window,
        schedule=rules.rebalance,
        dates=_days(rules) if rules.rebalance is Schedule.DATES else None,
        lag=rules.lag,
        carry=rules.carry,
        delisted_at_zero=rules.delisting == "zero",
        returns=rules.return_type,
        withholding=rules.withholding,
        cost=rules.cost_bp / 10_000,
    )


def hash_of(rules: Rules, calendar: str) -> str:
    """Names the rules: whatever follows from other ones has another."""
    told = rules.model_dump(mode="json", exclude=_NAMES) | {"calendar": calendar}
    text = orjson.dumps(told, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()[:16]


def calendar_of(rules: Rules, universe: Universe) -> str:
    """The code of the calendar whose sessions the index has; raises Invalid for several."""
    if rules.calendar is not None:
        return rules.calendar
    codes = Counter(member.calendar for member in universe.members)
    if len(codes) > 1:
        named = ", ".join(code for code, _ in codes.most_common(5))
        detail = f"The universe trades by several calendars ({named}); say which is the index's."
        raise Invalid(detail, code="no_calendar", errors=[FieldError("/calendar", detail)])
    return next(iter(codes))


def check(rules: Rules, universe: Universe, calendar: Calendar) -> None:
    """Raises Invalid that names all that cannot be."""
    errors = [*_faults(rules), *_misfits(rules, universe), *_no_sessions(rules, calendar)]
    if errors:
        raise Invalid(errors[0].detail, code="invalid_index", errors=errors)


def _faults(rules: Rules) -> Iterator[FieldError]:
    if (rules.cap is not None) != (rules.weighting is Weighting.CAPPED):
        yield FieldError("/cap", "A cap belongs to the weighting capped, and only to it.")
    if bool(rules.weights) != (rules.weighting is Weighting.CUSTOM):
        yield FieldError("/weights", "Weights belong to the weighting custom, and only to it.")
    if bool(rules.dates) != (rules.rebalance is Schedule.DATES):
        yield FieldError("/dates", "Dates belong to the rebalance dates, and only to it.")
    if rules.withholding and rules.return_type is not Return.NET:
        yield FieldError("/withholding", "What is withheld belongs to the return net.")
    if rules.buffer and (rules.count is None or rules.buffer >= rules.count):
        yield FieldError("/buffer", "The buffer has to be less than the count.")


def _misfits(rules: Rules, universe: Universe) -> Iterator[FieldError]:
    most = len(universe) if rules.count is None else min(rules.count, len(universe))
    if rules.cap is not None and rules.cap * most < 1:
        detail = f"{most} constituents of at most {rules.cap:g} each add up to less than 1."
        yield FieldError("/cap", detail)
    known = {member.symbol for member in universe.members}
    for symbol in rules.weights:
        if ":" not in symbol or Name.parse(symbol).symbol not in known:
            yield FieldError(f"/weights/{symbol}", f"{symbol} is not in the universe.")
    currencies = {member.currency for member in universe.members} - {rules.currency}
    for currency in sorted(currencies - rules.fx.keys()):
        yield FieldError(
            "/fx", f"Some constituents are in {currency}; name the symbol that converts it."
        )


def _no_sessions(rules: Rules, calendar: Calendar) -> Iterator[FieldError]:
    if rules.base_date is not None:
        day = day_of(rules.base_date)
        if not len(sessions(calendar, day, day + DAY)):
            yield FieldError("/base_date", f"{rules.base_date} is no session of {calendar.code}.")
    for place, day in enumerate(_days(rules).tolist()):
        if not len(sessions(calendar, day, day + DAY)):
            detail = f"{rules.dates[place]} is no session of {calendar.code}."
            yield FieldError(f"/dates/{place}", detail)


def _days(rules: Rules) -> Int64Array:
    days: Sequence[int] = [day_of(day) for day in rules.dates]
    return np.array(days, np.int64)
