"""Mail to users: the port, SMTP behind it, and a folder that is the mailbox of development."""

import asyncio
import email.policy
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from enum import StrEnum
from pathlib import Path
from ssl import SSLContext
from typing import Protocol, Self
from urllib.parse import SplitResult, unquote, urlsplit

import aiosmtplib
import structlog
from aiosmtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException

from tradeapi.errors import NotStarted, Unavailable
from tradeapi.settings import Settings

SEND_SECONDS = 10
LONGEST_ADDRESS = 254  # RFC 5321, 4.5.3.1.3, without the brackets
# RFC 5322, 2.1.1. Up to it a line is sent as it is: folded links are no use in a terminal.
LONGEST_LINE = 998
_URL_FORMS = (
    "MAIL_URL must be smtp://USER:PASSWORD@HOST:PORT, or the same with smtp+starttls:// or "
    "smtps://, or folder:PATH. What is neither letter nor digit in USER and PASSWORD is written "
    "as %XX."
)

_address = re.compile(r"""[^\s\x00-\x1f\x7f\ud800-\udfff@<>()\[\],;:\\"]+@[^\s@<>()\[\],;:\\"]+""")
# Python's headers read `=?...?=` as the characters it encodes, and these may end a line.
_unfit_for_header = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|=\?")
_unfit_for_text = re.compile(r"[\x00\ud800-\udfff]")
# RFC 3463.
_enhanced_status = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b", re.ASCII)
_policy = email.policy.default.clone(utf8=True, max_line_length=LONGEST_LINE)

_log = structlog.get_logger("tradeapi.mail")


@dataclass(frozen=True, slots=True)
class Mail:
    """A text for one address; raises ValueError for what would not be sent as it stands.

    `html` says the same for those whose programs show it.
    """

    to: str
    subject: str
    # It holds links that let whoever has them in: no log may show it.
    text: str = field(repr=False)
    html: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not _is_address(self.to):
            raise ValueError("A mail goes to one plain address.")
        if _unfit_for_header.search(self.subject):
            raise ValueError("The subject of a mail is one line, and without encoded words.")
        if _unfit_for_text.search(self.text + (self.html or "")):
            raise ValueError("The text of a mail has no NUL and no half of a surrogate pair.")


class Mailer(Protocol):
    async def send(self, message: Mail) -> None:
        """Hand the mail over; raises Unavailable, `mail_unavailable`, if that was not possible."""
        ...


class Encryption(StrEnum):
    """The values are the schemes of MAIL_URL."""

    NONE = "smtp"
    STARTTLS = "smtp+starttls"
    TLS = "smtps"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """`port` None stands for 25, 587 with STARTTLS, or 465 with TLS."""

    host: str
    port: int | None
    encryption: Encryption
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: str) -> Self:
        """Raises NotStarted; neither it nor its cause shows any part of the URL."""
        try:
            parts = urlsplit(url)
            server = cls(
                host=(parts.hostname or "").encode("idna").decode(),
                port=parts.port,
                encryption=Encryption(parts.scheme),
                user=_decoded(parts.username),
                password=_decoded(parts.password),
            )
        except ValueError:
            # What the library says of a wrong port may be the middle of a password.
            raise NotStarted(_URL_FORMS) from None
        is_half = (server.user is None) != (server.password is None)
        if not server.host or server.port == 0 or is_half or _has_more(parts):
            raise NotStarted(_URL_FORMS)
        return server


class SmtpMailer:
    """Opens a connection for each mail.

    Certificates are always verified: with `trust`, or else with what the system trusts.
    """

    def __init__(
        self,
        server: SmtpServer,
        sender: str,
        *,
        trust: SSLContext | None = None,
        seconds: float = SEND_SECONDS,
    ) -> None:
        self._server = server
        self._sender = sender
        self._trust = trust
        self._seconds = seconds

    async def send(self, message: Mail) -> None:
        client = self._client()
        accepted = False
        try:
            async with asyncio.timeout(self._seconds):
                await client.connect()
                # Named, so that nothing in a header decides where it goes.
                await client.send_message(_composed(message, self._sender), recipients=message.to)
                accepted = True
                await client.quit()
        except (SMTPException, OSError) as error:
            # A server that took the mail will deliver it, however the farewell went.
            if not accepted:
                cause = NotSent(_without_words(error))
                raise _failed(cause, self._server.host) from cause
        finally:
            client.close()

    def _client(self) -> aiosmtplib.SMTP:
        server = self._server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.encryption is Encryption.TLS,
            start_tls=server.encryption is Encryption.STARTTLS,
            tls_context=self._trust,
            timeout=self._seconds,
        )


class FolderMailer:
    """Each mail is a file that only we may read; their names are in the order of sending."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    async def send(self, message: Mail) -> None:
        content = _composed(message, self._sender).as_bytes()
        try:
            await asyncio.to_thread(self._write, content)
        except OSError as error:
            raise _failed(error, str(self._folder)) from error

    def _write(self, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}"
        part = self._folder / f".{name}.part"
        try:
            part.touch(mode=0o600, exist_ok=False)
            part.write_bytes(content)
            # Whoever watches the folder never reads half a mail.
            part.rename(self._folder / f"{name}.eml")
        finally:
            part.unlink(missing_ok=True)


def mailer_of(url: str, sender: str) -> Mailer:
    """The mailer that MAIL_URL names; `sender` is an address, or NAME <ADDRESS>.

    Raises NotStarted, without showing the URL.
    """
    if _unfit_for_header.search(sender) or not _is_address(parseaddr(sender)[1]):
        raise NotStarted(f"Mail can not come from {sender!r}: that is no address.")
    if url.startswith("folder:") and url != "folder:":
        return FolderMailer(Path(url.removeprefix("folder:")), sender)
    return SmtpMailer(SmtpServer.of(url), sender)


def configured(settings: Settings) -> Mailer | None:
    """None where mail can't be sent at all; raises NotStarted."""
    url = settings.mail_url
    return mailer_of(url.get_secret_value(), settings.mail_from) if url else None


def fit_for_header(text: str) -> str:
    """On one line, and read as it is written."""
    return _unfit_for_header.sub(" ", text)


def fit_for_text(text: str) -> str:
    return _unfit_for_text.sub(" ", text)


class NotSent(Exception):
    """What went wrong with a server, in our words: its own may quote the mail or the login."""


def _without_words(error: Exception) -> str:
    answer = error.recipients[0] if isinstance(error, SMTPRecipientsRefused) else error
    if not isinstance(answer, SMTPResponseException):
        return repr(error)
    status = _enhanced_status.match(answer.message)
    return f"{type(answer).__name__} {answer.code} {status[0] if status else ''}".rstrip()


def _failed(cause: Exception, place: str) -> Unavailable:
    _log.warning("mail.failed", place=place, cause=repr(cause))
    return Unavailable("Mail can not be sent now.", code="mail_unavailable")


def _composed(mail: Mail, sender: str) -> EmailMessage:
    message = EmailMessage(policy=_policy)
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(datetime.now(UTC))
    # Without a domain it would ask the network for our own.
    message["Message-ID"] = make_msgid(domain=parseaddr(sender)[1].rpartition("@")[2])
    # RFC 3834: nobody's holiday notice answers it.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    if mail.html is not None:
        message.add_alternative(mail.html, subtype="html")
    return message


def _is_address(text: str) -> bool:
    is_plain = _address.fullmatch(text) and not _unfit_for_header.search(text)
    return bool(is_plain) and len(text.encode()) <= LONGEST_ADDRESS


def _decoded(text: str | None) -> str | None:
    return unquote(text, errors="strict") if text else None


def _has_more(parts: SplitResult) -> bool:
    """What follows the port is a password with a bare slash, question mark or hash in it."""
    return bool(parts.path.strip("/") or parts.query or parts.fragment)
