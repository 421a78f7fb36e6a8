"""Jobs that mail something: it is claimed, sent, and then done with."""

from typing import Protocol, TypeVar

from tradeapi.errors import Unavailable
from tradeapi.jobs.port import Handler, Job, Later
from tradeapi.mail import Mail, Mailer

# After a mail that could not be sent: the server is asked again, not hammered.
RETRY_SECONDS = 60.0


class Claim(Protocol):
    @property
    def mail(self) -> Mail: ...


Claimed = TypeVar("Claimed", bound=Claim)


class Box(Protocol[Claimed]):
    """Where what is to be mailed waits."""

    async def claim(self, job: Job) -> Claimed | None:
        """None if there is nothing to do any more; raises Later if it is not time yet."""
        ...

    async def finish(self, claimed: Claimed) -> None:
        """It was sent."""
        ...

    async def release(self, claimed: Claimed) -> None:
        """It was not, and the job comes again."""
        ...


def mailing(box: Box[Claimed], mailer: Mailer) -> Handler:
    async def handle(job: Job) -> None:
        claimed = await box.claim(job)
        if claimed is None:
            return
        try:
            await mailer.send(claimed.mail)
        except Unavailable as error:
            await box.release(claimed)
            raise Later(RETRY_SECONDS) from error
        await box.finish(claimed)

    return handle
