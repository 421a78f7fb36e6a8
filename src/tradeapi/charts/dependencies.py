"""What the routes of charts ask for, each under one name."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from tradeapi.auth.dependencies import AuditDep, OwnerDep, PrincipalDep
from tradeapi.charts.accesses import Accesses
from tradeapi.charts.series import SeriesPoints
from tradeapi.charts.service import Charts, Quotas
from tradeapi.charts.sharing import ChartShares
from tradeapi.charts.tasks import HOUR
from tradeapi.market.dependencies import bar_history
from tradeapi.settings import Settings
from tradeapi.web.dependencies import (
    BusDep,
    ClockDep,
    DatabaseDep,
    ReadingDep,
    SessionDep,
    SettingsDep,
)


async def _accesses(connection: HTTPConnection) -> Accesses:
    accesses: Accesses = connection.state.chart_accesses
    return accesses


async def _ttl(settings: SettingsDep) -> float:
    return settings.chart_ttl_hours * HOUR


async def _charts(  # noqa: PLR0913, PLR0917  they are what it has
    session: SessionDep,
    bus: BusDep,
    owner: OwnerDep,
    principal: PrincipalDep,
    settings: SettingsDep,
    clock: ClockDep,
) -> Charts:
    expires = not principal.is_proven
    return Charts(session, bus, owner, charts_quotas(settings), clock.now(), expires=expires)


async def _readable_charts(  # noqa: PLR0913, PLR0917  they are what it has
    session: ReadingDep,
    bus: BusDep,
    owner: OwnerDep,
    principal: PrincipalDep,
    settings: SettingsDep,
    clock: ClockDep,
) -> Charts:
    quotas, by_id = charts_quotas(settings), principal.share is not None
    return Charts(session, bus, owner, quotas, clock.now(), expires=False, by_id=by_id)


def charts_quotas(settings: Settings) -> Quotas:
    return Quotas(
        charts=settings.charts_per_user,
        series=settings.series_per_chart,
        points=settings.points_per_user,
    )


async def _series_points(
    connection: HTTPConnection,
    database: DatabaseDep,
    owner: OwnerDep,
    principal: PrincipalDep,
    settings: SettingsDep,
) -> SeriesPoints:
    return SeriesPoints(
        database,
        connection.state.bus,
        owner,
        bar_history(connection),
        connection.state.chart_accesses,
        connection.state.long_studies,
        most=settings.points_per_series,
        most_in_all=settings.points_per_user,
        by_id=principal.share is not None,
    )


AccessesDep = Annotated[Accesses, Depends(_accesses)]
TtlDep = Annotated[float, Depends(_ttl)]
ChartsDep = Annotated[Charts, Depends(_charts)]
ReadableChartsDep = Annotated[Charts, Depends(_readable_charts)]
SeriesPointsDep = Annotated[SeriesPoints, Depends(_series_points)]


async def _shares(  # noqa: PLR0913, PLR0917  they are what it has
    connection: HTTPConnection,
    session: SessionDep,
    owner: OwnerDep,
    charts: ChartsDep,
    audit: AuditDep,
    clock: ClockDep,
) -> ChartShares:
    shares = connection.state.shares
    return ChartShares(session, owner, charts, shares, audit, clock.now())


SharesDep = Annotated[ChartShares, Depends(_shares)]
