"""A real SMTP server for the tests, with the moods of real ones, and a certificate for it."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

USER = "robot@example.com"
PASSWORD = "p@ss:/w0rd%ü #?"  # noqa: S105  it opens nothing
HOST = "127.0.0.1"

Answer = Callable[[Envelope], Awaitable[str]]


async def accept(_: Envelope) -> str:
    return "250 2.0.0 taken"


async def be_busy(_: Envelope) -> str:
    return "451 later"


async def hang(_: Envelope) -> str:
    await asyncio.sleep(60)
    raise AssertionError


async def refuse_and_quote(envelope: Envelope) -> str:
    """As filters do with a line they dislike."""
    return f"554 5.7.1 blocked: {_mail(envelope).get_content().splitlines()[1]}"


@dataclass
class Post:
    """How a server answers to mails and farewells, and the mails it took."""

    mail: Answer = accept
    farewell: Answer = accept
    mails: list[EmailMessage] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802  aiosmtpd looks for these names
        self, _: SMTP, session: Session, envelope: Envelope, address: str, __: list[str]
    ) -> str:
        # aiosmtpd warns whoever has it check this itself without TLS.
        if not session.authenticated:
            return "530 5.7.0 who are you?"
        if address.startswith("nobody@"):
            return f"550 5.1.1 {address} does not live here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = await self.mail(envelope)
        if answer.startswith("250"):
            self.mails.append(_mail(envelope))
        return answer

    async def handle_QUIT(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        await self.farewell(envelope)
        return "221 bye"


@contextmanager
def serving(post: Post, scheme: str = "smtp", certificate: Path | None = None) -> Iterator[str]:
    """The URL of a server that wants a login and, with a certificate, the TLS of the scheme."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = _Server(
        post,
        hostname=HOST,
        ssl_context=context if scheme == "smtps" else None,
        tls_context=context if scheme == "smtp+starttls" else None,
        require_starttls=scheme == "smtp+starttls",
        authenticator=_authenticate,
        auth_require_tls=False,
    )
    server.start()
    try:
        yield f"{scheme}://{login(USER, PASSWORD)}@{HOST}:{server.port}"
    finally:
        server.stop()


def login(user: str, password: str) -> str:
    return f"{quote(user, safe='')}:{quote(password, safe='')}"


def certify(host: str, file: Path) -> Path:
    """Write a new key, and a certificate signed with it, to the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tradeapi tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form, protection = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write_bytes(key.private_bytes(pem, form, protection) + certificate.public_bytes(pem))
    return file


class _Server(Controller):
    """Listens on a port that it finds itself, so nobody else takes it in between."""

    def _create_server(self) -> Awaitable[asyncio.AbstractServer]:
        listener = socket.create_server((self.hostname, 0))
        self.port = listener.getsockname()[1]
        return self.loop.create_server(self._factory_invoker, sock=listener, ssl=self.ssl_context)


def _authenticate(_: SMTP, __: Session, ___: Envelope, ____: str, login: object) -> AuthResult:
    is_ours = login == LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_ours, handled=False)


def _mail(envelope: Envelope) -> EmailMessage:
    """What is in the envelope, after a look at what is on it."""
    assert isinstance(envelope.content, bytes)
    content = envelope.content.replace(b"\r\n", b"\n")
    mail = message_from_bytes(content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert envelope.rcpt_tos == [mail["To"]]
    assert envelope.mail_from == mail["From"].addresses[0].addr_spec
    return mail
