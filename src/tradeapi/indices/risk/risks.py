"""Which constituent, and which sector, brings which part of an index's risk."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tradeapi.analytics.bars import Float64Array
from tradeapi.analytics.indices.contributions import (
    Contributions,
    cvar_contributions,
    volatility_contributions,
)
from tradeapi.analytics.indices.undefined import Undefined
from tradeapi.indices.risk.portfolio import Portfolio

RISKS = ("volatility", "cvar")


def risks(
    portfolio: Portfolio, window: int, periods_per_year: int, confidence: float
) -> Mapping[str, Any]:
    """Of the last session's weights, from the returns of the `window` sessions up to it."""
    held = portfolio.sessions[-1]
    columns = portfolio.columns(held)
    returns = member_returns(portfolio)[-window:, columns]
    has_all = np.isfinite(returns).all(axis=0) & (len(returns) == window)
    covered, shown = float(held.weights[has_all].sum()), columns[has_all].tolist()
    weights, returns = held.weights[has_all] / (covered or 1.0), returns[:, has_all]
    found: dict[str, Contributions] = {}
    undefined = dict.fromkeys(RISKS, "No constituent has so much history.") if not shown else {}
    for name in RISKS if shown else ():
        try:
            found[name] = (
                volatility_contributions(weights, returns, periods_per_year)
                if name == "volatility"
                else cvar_contributions(weights, returns, confidence)
            )
        except Undefined as error:
            undefined[name] = str(error)
    names = [portfolio.universe.members[column].symbol for column in shown]
    sectors = [portfolio.sectors[column] for column in shown]
    members = zip(names, sectors, _parts(found, weights), strict=True)
    return {
        "covered_weight": covered,
        **{name: found[name].risk if name in found else None for name in RISKS},
        "undefined": undefined,
        "items": [{"symbol": name, "sector": sector, **parts} for name, sector, parts in members],
        "sectors": _by_sector(found, sectors, weights),
        "left_out": [
            {"symbol": portfolio.universe.members[column].symbol, "weight": weight}
            for column, weight in zip(
                columns[~has_all].tolist(), held.weights[~has_all].tolist(), strict=True
            )
        ],
    }


def member_returns(portfolio: Portfolio) -> Float64Array:
    """By session and column, with the dividends that the index reinvests; NaN before the first
    close. Who does not trade returns nothing."""
    price = np.full(len(portfolio.universe), np.nan)
    reinvested = portfolio.methodology.reinvested
    rows = []
    for panel in portfolio.panels:
        for row in range(len(panel)):
            income = np.zeros(len(price))
            for column, kind, value in panel.events.get(row, ()):
                if kind == "split":
                    price[column] /= value
                elif kind == "special":
                    price[column] -= value
                elif kind == "dividend":
                    income[column] += value * reinvested
            close = panel.close[row]
            last = np.where(np.isnan(close), price, close)
            with np.errstate(all="ignore"):
                rows.append((last + income) / price - 1)
            price = last
    return np.array(rows)


def _parts(
    found: Mapping[str, Contributions], weights: Float64Array
) -> Sequence[Mapping[str, float | None]]:
    nothing = [None] * len(weights)
    columns: dict[str, Sequence[float | None]] = {"weight": weights.tolist()}
    for name in RISKS:
        one = found.get(name)
        columns[name] = nothing if one is None else one.parts.tolist()
        columns[f"{name}_share"] = nothing if one is None or one.risk == 0 else one.shares.tolist()
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, values, strict=True)) for values in rows]


def _by_sector(
    found: Mapping[str, Contributions], sectors: Sequence[str], weights: Float64Array
) -> Sequence[Mapping[str, Any]]:
    names, places = np.unique(np.asarray(sectors, np.str_), return_inverse=True)

    def by_sector(values: Float64Array) -> Float64Array:
        return np.bincount(places, values, len(names)).astype(np.float64)

    summed = {name: Contributions(one.risk, by_sector(one.parts)) for name, one in found.items()}
    parts = _parts(summed, by_sector(weights))
    return [{"sector": name, **part} for name, part in zip(names.tolist(), parts, strict=True)]
