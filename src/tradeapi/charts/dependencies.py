"""What the routes of charts ask for, each under one name."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import HTTPConnection

from tradeapi.auth.dependencies import AuditDep, PrincipalDep
from tradeapi.bus.port import Bus
from tradeapi.charts.accesses import Accesses
from tradeapi.charts.series import SeriesPoints
from tradeapi.charts.service import Charts, Quotas
from tradeapi.charts.sharing import ChartShares
from tradeapi.charts.tasks import HOUR
from tradeapi.errors import Unauthenticated
from tradeapi.market.dependencies import bar_history
from tradeapi.settings import Settings
from tradeapi.web.dependencies import ClockDep, DatabaseDep, SessionDep, SettingsDep
from tradeapi.web.principal import Principal, principal_of


def owner_of(principal: Principal) -> UUID:
    """Whose charts the caller may ask for: of a share its owner's, which it names."""
    owner = principal.share.owner if principal.share is not None else principal.user
    if owner is None:
        raise Unauthenticated("Say who you are: send an access token or an API key.")
    return owner


async def _owner(principal: PrincipalDep) -> UUID:
    return owner_of(principal)


OwnerDep = Annotated[UUID, Depends(_owner)]


async def _open_reading(database: DatabaseDep) -> AsyncIterator[AsyncSession]:
    async with database.reading() as session:
        yield session


# For what only reads: SessionDep takes SQLite's one writer's lock.
ReadingDep = Annotated[AsyncSession, Depends(_open_reading, scope="function")]


async def _bus(connection: HTTPConnection) -> Bus:
    bus: Bus = connection.state.bus
    return bus


BusDep = Annotated[Bus, Depends(_bus)]


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
    return Quotas(charts=settings.charts_per_user, series=settings.series_per_chart)


async def _series_points(connection: HTTPConnection) -> SeriesPoints:
    """All in one: points come so often that each dependency's 50 µs count."""
    state = connection.state
    return SeriesPoints(
        state.database,
        state.bus,
        owner_of(principal_of(connection.scope)),
        bar_history(connection),
        state.chart_accesses,
        state.chart_ends,
        most=state.settings.points_per_series,
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
