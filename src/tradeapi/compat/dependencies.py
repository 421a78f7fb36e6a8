"""What the routes and the socket of this protocol ask for."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from tradeapi.charts.dependencies import charts_quotas, owner_of
from tradeapi.charts.series import SeriesPoints
from tradeapi.compat.charts import ProCharts
from tradeapi.compat.places import Owned
from tradeapi.market.dependencies import bar_history
from tradeapi.web.principal import Principal, principal_of


def pro_charts(connection: HTTPConnection, principal: Principal) -> ProCharts:
    """Of the caller; raises Unauthenticated for nobody."""
    state, owner = connection.state, owner_of(principal)
    database, bus, accesses = state.database, state.bus, state.chart_accesses
    bars, ends = bar_history(connection), state.chart_ends
    most = state.settings.points_per_series
    return ProCharts(
        Owned(
            database=database,
            bus=bus,
            owner=owner,
            quotas=charts_quotas(state.settings),
            clock=state.clock,
            accesses=accesses,
            expires=not principal.is_proven,
        ),
        SeriesPoints(database, bus, owner, bars, accesses, ends, most=most),
        most=most,
        threshold=state.settings.chunk_size_threshold,
    )


async def _pro_charts(connection: HTTPConnection) -> ProCharts:
    return pro_charts(connection, principal_of(connection.scope))


ProChartsDep = Annotated[ProCharts, Depends(_pro_charts)]
