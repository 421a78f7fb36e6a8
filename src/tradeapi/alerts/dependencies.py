"""What the routes of alerts ask for, each under one name."""

from typing import Annotated

from fastapi import Depends

from tradeapi.alerts.service import Alerts
from tradeapi.auth.dependencies import OwnerDep
from tradeapi.market.dependencies import DirectoryDep
from tradeapi.notifications.dependencies import ChannelsDep
from tradeapi.web.dependencies import BusDep, ClockDep, ReadingDep, SessionDep, SettingsDep


async def _alerts(  # noqa: PLR0913, PLR0917  they are what it takes
    session: SessionDep,
    bus: BusDep,
    directory: DirectoryDep,
    owner: OwnerDep,
    clock: ClockDep,
    settings: SettingsDep,
    channels: ChannelsDep,
) -> Alerts:
    most = settings.alerts_per_user
    return Alerts(session, bus, directory, owner, clock.now(), channels=channels, most=most)


async def _readable_alerts(  # noqa: PLR0913, PLR0917
    session: ReadingDep,
    bus: BusDep,
    directory: DirectoryDep,
    owner: OwnerDep,
    clock: ClockDep,
    settings: SettingsDep,
    channels: ChannelsDep,
) -> Alerts:
    most = settings.alerts_per_user
    return Alerts(session, bus, directory, owner, clock.now(), channels=channels, most=most)


AlertsDep = Annotated[Alerts, Depends(_alerts)]
ReadableAlertsDep = Annotated[Alerts, Depends(_readable_alerts)]
