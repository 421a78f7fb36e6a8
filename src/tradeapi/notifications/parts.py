"""What tells users, put together for the service and for the worker alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.jobs.crons import every
from tradeapi.jobs.port import Cron, Handler, Jobs
from tradeapi.mail import Mailer
from tradeapi.notifications.channels import Channels
from tradeapi.notifications.mailing import carrier, digests
from tradeapi.notifications.mailing.carrier import MailCarrier
from tradeapi.notifications.mailing.digests import DigestBox, DueDigests
from tradeapi.notifications.mailing.handler import mailing
from tradeapi.notifications.mailing.mail_off import PURPOSE, MailOff
from tradeapi.notifications.mailing.outbox import Outbox
from tradeapi.notifications.mailing.readers import Readers
from tradeapi.notifications.notices import Channel
from tradeapi.notifications.notifier import Carrier, Notifier
from tradeapi.notifications.outgoing import outgoing
from tradeapi.security.secrets import Secrets
from tradeapi.settings import Settings


@dataclass(frozen=True, slots=True)
class Telling:
    """`handlers` do the jobs of each name, and `crons` what is to be done every so often."""

    notifier: Notifier
    channels: Channels
    mail_off: MailOff
    handlers: Mapping[str, Handler]
    crons: Sequence[Cron]


def telling_of(  # noqa: PLR0913, PLR0917  they are what it is made of
    settings: Settings,
    clock: Clock,
    database: Database,
    bus: Bus,
    jobs: Jobs,
    mailer: Mailer | None,
) -> Telling:
    carriers: dict[Channel, Carrier] = {**outgoing(clock)}
    handlers: dict[str, Handler] = {}
    crons: list[Cron] = []
    mail_off = MailOff(Secrets.of(settings).derive(PURPOSE))
    if mailer is not None:
        readers = Readers(settings.app_url, mail_off)
        carriers[Channel.EMAIL] = MailCarrier(clock)
        handlers[carrier.JOB] = mailing(Outbox(database, readers, clock), mailer)
        handlers[digests.JOB] = mailing(DigestBox(database, readers, clock), mailer)
        due = DueDigests(database, jobs, clock)
        crons.append(Cron(name="notifications.digests", expression=every(1), work=due.take))
    return Telling(
        Notifier(jobs, bus, clock, carriers),
        Channels(frozenset(carriers)),
        mail_off,
        handlers,
        crons,
    )
