"""What the routes and the socket of this protocol ask for."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from tradeapi.charts.dependencies import charts_quotas, point_reader, point_writer
from tradeapi.compat.charts import ProCharts
from tradeapi.compat.places import Owned
from tradeapi.web.principal import Principal, principal_of


def pro_charts(connection: HTTPConnection, principal: Principal) -> ProCharts:
    """Of the caller, or what a share shows; raises Unauthenticated for nobody."""
    state = connection.state
    return ProCharts(
        Owned(
            database=state.database,
            bus=state.bus,
            owner=principal.owner,
            quotas=charts_quotas(state.settings),
            clock=state.clock,
            accesses=state.chart_accesses,
            expires=not principal.is_proven,
            by_id=principal.share is not None,
        ),
        point_reader(connection, principal),
        point_writer(connection, principal),
        state.chart_texts,
        most=state.settings.points_per_series,
        threshold=state.settings.chunk_size_threshold,
    )


async def _pro_charts(connection: HTTPConnection) -> ProCharts:
    return pro_charts(connection, principal_of(connection.scope))


ProChartsDep = Annotated[ProCharts, Depends(_pro_charts)]
