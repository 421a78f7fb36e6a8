"""What users are told, on its way to places of their own."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.jobs.port import Handler
from tradeapi.notifications.notices import Channel
from tradeapi.notifications.notifier import Carrier, Notifier
from tradeapi.notifications.posting.aside import Aside
from tradeapi.notifications.posting.poster import Poster
from tradeapi.notifications.webhooks.carrier import WebhookCarrier
from tradeapi.notifications.webhooks.courier import Courier
from tradeapi.notifications.webhooks.deliveries import DELIVER
from tradeapi.notifications.webhooks.service import PURPOSE
from tradeapi.security.safe import Safe
from tradeapi.security.secrets import Secrets
from tradeapi.settings import Settings


def outgoing(clock: Clock) -> Mapping[Channel, Carrier]:
    """For the Notifier."""
    return {Channel.WEBHOOK: WebhookCarrier(clock)}


@asynccontextmanager
async def open_outgoing(
    settings: Settings, clock: Clock, database: Database, notifier: Notifier
) -> AsyncIterator[Mapping[str, Handler]]:
    """For those who do the jobs: by their names."""
    safe = Safe.of(Secrets.of(settings), PURPOSE)
    async with Poster(loopback=settings.outgoing_to_loopback) as poster, Aside() as aside:
        yield {DELIVER: Courier(database, poster, aside, notifier, safe, clock).deliver}
