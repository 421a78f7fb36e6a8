"""What users are told, on its way to places of their own."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import parseaddr

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.jobs.port import Handler
from tradeapi.notifications.notices import Channel
from tradeapi.notifications.notifier import Carrier, Notifier
from tradeapi.notifications.posting.aside import Aside
from tradeapi.notifications.posting.poster import Poster
from tradeapi.notifications.push import keys as push_keys
from tradeapi.notifications.push.carrier import SEND, PushCarrier
from tradeapi.notifications.push.keys import PushKeys
from tradeapi.notifications.push.sender import PushSender
from tradeapi.notifications.webhooks import service as webhooks
from tradeapi.notifications.webhooks.carrier import WebhookCarrier
from tradeapi.notifications.webhooks.courier import Courier
from tradeapi.notifications.webhooks.deliveries import DELIVER
from tradeapi.security.safe import Safe
from tradeapi.security.secrets import Secrets
from tradeapi.settings import Settings


def outgoing(clock: Clock) -> Mapping[Channel, Carrier]:
    """For the Notifier."""
    return {Channel.WEBHOOK: WebhookCarrier(clock), Channel.PUSH: PushCarrier(clock)}


@asynccontextmanager
async def open_outgoing(
    settings: Settings, clock: Clock, database: Database, notifier: Notifier
) -> AsyncIterator[Mapping[str, Handler]]:
    """For those who do the jobs: by their names."""
    secrets = Secrets.of(settings)
    safe, push_safe = Safe.of(secrets, webhooks.PURPOSE), Safe.of(secrets, push_keys.PURPOSE)
    keys = PushKeys(database, push_safe, clock)
    _, address = parseaddr(settings.mail_from)
    async with Poster(loopback=settings.outgoing_to_loopback) as poster, Aside() as aside:
        courier = Courier(database, poster, aside, notifier, safe, clock)
        contact = f"mailto:{address}"
        sender = PushSender(database, poster, aside, keys, push_safe, clock, contact=contact)
        yield {DELIVER: courier.deliver, SEND: sender.send}
