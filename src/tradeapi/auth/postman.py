"""Mails on their way: no request waits for one, or shows by its time whether one is sent."""

from collections.abc import Awaitable, Callable

import anyio
import structlog

from tradeapi.errors import Unavailable
from tradeapi.mail import Mail, Mailer

# Who asks for one more is told that it is busy.
MOST_WAITING = 1000

Letter = Callable[[], Awaitable[Mail | None]]

_log = structlog.get_logger("tradeapi.auth")


class Postman:
    """Sends mails one after the other; `mailer` is None where mail can't be sent at all."""

    def __init__(self, mailer: Mailer | None) -> None:
        self._mailer = mailer
        self._letters, self._waiting = anyio.create_memory_object_stream[Letter](MOST_WAITING)
        self._has_ended = anyio.Event()

    @property
    def is_there(self) -> bool:
        return self._mailer is not None

    def require(self) -> None:
        """Raises Unavailable where it can't, or too many wait; whoever the mail would be for."""
        if not self.is_there:
            raise Unavailable("This server sends no mail.", code="mail_unavailable")
        if self._letters.statistics().current_buffer_used >= MOST_WAITING:
            raise Unavailable("Too many mails wait to be sent.", code="busy")

    def send(self, mail: Mail) -> None:
        """Soon, if at all: what the mail is about has happened, and its failure undoes nothing."""

        async def letter() -> Mail:
            return mail

        self.write(letter)

    def write(self, letter: Letter) -> None:
        """The same for one that is yet to be written, or not."""
        try:
            if self.is_there:
                self._letters.send_nowait(letter)
        except anyio.WouldBlock:
            _log.warning("mail.not_sent", error="too many wait")

    async def run(self) -> None:
        with self._letters, self._waiting:
            async for letter in self._waiting:
                await self._deliver(letter)
        self._has_ended.set()

    async def close(self) -> None:
        """Wait until what waits is sent."""
        left = self._letters.statistics().current_buffer_used
        self._letters.close()
        try:
            await self._has_ended.wait()
        except anyio.get_cancelled_exc_class():
            if left:
                _log.warning("mail.left", at_most=left)
            raise

    async def _deliver(self, letter: Letter) -> None:
        assert self._mailer is not None  # noqa: S101  write() has seen to it
        try:
            # What it asks of the database is not to be cut off in the middle.
            with anyio.CancelScope(shield=True):
                mail = await letter()
            if mail is not None:
                await self._mailer.send(mail)
        except Exception as error:  # noqa: BLE001  one mail must not keep back the others
            # Whoever waits for it asks once more.
            _log.warning("mail.not_sent", error=repr(error.__cause__ or error))
