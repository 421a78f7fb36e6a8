"""What the routes of charts ask for, each under one name."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from tradeapi.auth.dependencies import AuditDep, OwnerDep, PrincipalDep
from tradeapi.charts.accesses import Accesses
from tradeapi.charts.kept_texts import KeptTexts
from tradeapi.charts.point_reader import PointReader
from tradeapi.charts.point_writer import PointWriter
from tradeapi.charts.service import Charts, Quotas
from tradeapi.charts.sharing import ChartShares
from tradeapi.charts.tasks import HOUR
from tradeapi.market.dependencies import bar_history
from tradeapi.settings import Settings
from tradeapi.web.dependencies import (
    BusDep,
    ClockDep,
    ReadingDep,
    SessionDep,
    SettingsDep,
)
from tradeapi.web.principal import Principal, principal_of


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


async def _readable_charts(
    session: ReadingDep, bus: BusDep, owner: OwnerDep, settings: SettingsDep, clock: ClockDep
) -> Charts:
    return Charts(session, bus, owner, charts_quotas(settings), clock.now(), expires=False)


def charts_quotas(settings: Settings) -> Quotas:
    return Quotas(
        charts=settings.charts_per_user,
        series=settings.series_per_chart,
        points=settings.points_per_user,
    )


def point_reader(connection: HTTPConnection, principal: Principal | None = None) -> PointReader:
    """The caller's; raises Unauthenticated for nobody. It asks for no dependencies: each costs
    every request its share.
    """
    state = connection.state
    principal = principal or principal_of(connection.scope)
    return PointReader(
        state.database,
        principal.owner,
        bar_history(connection),
        state.chart_accesses,
        state.long_studies,
        by_id=principal.share is not None,
    )


def point_writer(connection: HTTPConnection, principal: Principal | None = None) -> PointWriter:
    """The same."""
    state = connection.state
    principal = principal or principal_of(connection.scope)
    return PointWriter(
        state.database,
        state.bus,
        principal.owner,
        state.chart_accesses,
        state.chart_ends,
        most=state.settings.points_per_series,
        most_in_all=state.settings.points_per_user,
    )


def kept_texts(connection: HTTPConnection) -> KeptTexts:
    texts: KeptTexts = connection.state.chart_texts
    return texts


async def _point_writer(connection: HTTPConnection) -> PointWriter:
    return point_writer(connection)


AccessesDep = Annotated[Accesses, Depends(_accesses)]
TtlDep = Annotated[float, Depends(_ttl)]
ChartsDep = Annotated[Charts, Depends(_charts)]
ReadableChartsDep = Annotated[Charts, Depends(_readable_charts)]
PointWriterDep = Annotated[PointWriter, Depends(_point_writer)]


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
