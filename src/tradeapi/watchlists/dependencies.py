"""What the routes of watchlists ask for, each under one name."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from tradeapi.auth.dependencies import AuditDep, OwnerDep
from tradeapi.market.dependencies import DirectoryDep
from tradeapi.watchlists.alerting import ItemAlerts
from tradeapi.watchlists.favourites import Favourites
from tradeapi.watchlists.items import Items
from tradeapi.watchlists.searches import Searches
from tradeapi.watchlists.service import Watchlists
from tradeapi.watchlists.sharing import WatchlistShares
from tradeapi.web.dependencies import BusDep, ClockDep, ReadingDep, SessionDep, SettingsDep


async def _item_alerts(connection: HTTPConnection) -> ItemAlerts:
    alerts: ItemAlerts = connection.state.item_alerts
    return alerts


ItemAlertsDep = Annotated[ItemAlerts, Depends(_item_alerts)]


async def _watchlists(  # noqa: PLR0913, PLR0917  they are what it takes
    session: SessionDep,
    bus: BusDep,
    owner: OwnerDep,
    clock: ClockDep,
    settings: SettingsDep,
    alerts: ItemAlertsDep,
) -> Watchlists:
    most = settings.watchlists_per_user
    return Watchlists(session, bus, owner, clock.now(), alerts=alerts, most=most)


async def _readable_watchlists(  # noqa: PLR0913, PLR0917
    session: ReadingDep,
    bus: BusDep,
    owner: OwnerDep,
    clock: ClockDep,
    settings: SettingsDep,
    alerts: ItemAlertsDep,
) -> Watchlists:
    most = settings.watchlists_per_user
    return Watchlists(session, bus, owner, clock.now(), alerts=alerts, most=most)


WatchlistsDep = Annotated[Watchlists, Depends(_watchlists)]
ReadableWatchlistsDep = Annotated[Watchlists, Depends(_readable_watchlists)]


async def _items(
    session: SessionDep,
    watchlists: WatchlistsDep,
    directory: DirectoryDep,
    clock: ClockDep,
    settings: SettingsDep,
) -> Items:
    most = settings.items_per_watchlist
    return Items(session, watchlists, directory, clock.now(), most=most)


async def _readable_items(
    session: ReadingDep,
    watchlists: ReadableWatchlistsDep,
    directory: DirectoryDep,
    clock: ClockDep,
    settings: SettingsDep,
) -> Items:
    most = settings.items_per_watchlist
    return Items(session, watchlists, directory, clock.now(), most=most)


ItemsDep = Annotated[Items, Depends(_items)]
ReadableItemsDep = Annotated[Items, Depends(_readable_items)]


async def _favourites(
    session: SessionDep, owner: OwnerDep, directory: DirectoryDep, clock: ClockDep
) -> Favourites:
    return Favourites(session, owner, directory, clock.now())


async def _readable_favourites(
    session: ReadingDep, owner: OwnerDep, directory: DirectoryDep, clock: ClockDep
) -> Favourites:
    return Favourites(session, owner, directory, clock.now())


async def _searches(session: SessionDep, owner: OwnerDep, clock: ClockDep) -> Searches:
    return Searches(session, owner, clock.now())


async def _readable_searches(session: ReadingDep, owner: OwnerDep, clock: ClockDep) -> Searches:
    return Searches(session, owner, clock.now())


FavouritesDep = Annotated[Favourites, Depends(_favourites)]
ReadableFavouritesDep = Annotated[Favourites, Depends(_readable_favourites)]
SearchesDep = Annotated[Searches, Depends(_searches)]
ReadableSearchesDep = Annotated[Searches, Depends(_readable_searches)]


async def _shares(  # noqa: PLR0913, PLR0917  they are what it has
    connection: HTTPConnection,
    session: SessionDep,
    owner: OwnerDep,
    watchlists: WatchlistsDep,
    audit: AuditDep,
    clock: ClockDep,
) -> WatchlistShares:
    shares = connection.state.shares
    return WatchlistShares(session, owner, watchlists, shares, audit, clock.now())


SharesDep = Annotated[WatchlistShares, Depends(_shares)]
