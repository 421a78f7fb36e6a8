"""The job that mails what waits for one user."""

from uuid import UUID

from tradeapi.errors import Unavailable
from tradeapi.jobs.port import Job, Later
from tradeapi.mail import Mailer
from tradeapi.notifications.mailing.outbox import Outbox

# After a mail that could not be sent: the server is asked again, not hammered.
RETRY_SECONDS = 60.0


class MailHandler:
    def __init__(self, outbox: Outbox, mailer: Mailer) -> None:
        self._outbox = outbox
        self._mailer = mailer

    async def __call__(self, job: Job) -> None:
        claimed = await self._outbox.claim(UUID(job.payload["user"]))
        if claimed is None:
            return
        try:
            await self._mailer.send(claimed.mail)
        except Unavailable as error:
            await self._outbox.release(claimed)
            raise Later(RETRY_SECONDS) from error
        await self._outbox.finish(claimed)
