"""SMTP with a real server, in all its moods."""

import socket
import ssl
from pathlib import Path

import pytest

from tests.mail.letters import MAIL, SENDER, refusal
from tests.mail.post_office import (
    HOST,
    PASSWORD,
    USER,
    Answer,
    Post,
    be_busy,
    certify,
    hang,
    login,
    refuse_and_quote,
    serving,
)
from tradeapi.mail import Mail, SmtpMailer, SmtpServer, mailer_of

pytestmark = pytest.mark.anyio

SCHEMES = pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certify(HOST, tmp_path_factory.mktemp("certificate") / "ours.pem")


@SCHEMES
async def test_a_certificate_that_is_trusted(scheme: str, certificate: Path) -> None:
    """The server takes no mail that comes without TLS."""
    post = Post()
    with serving(post, scheme, certificate) as url:
        trust = ssl.create_default_context(cafile=certificate)
        await SmtpMailer(SmtpServer.of(url), SENDER, trust=trust).send(MAIL)
    assert [mail["Subject"] for mail in post.mails] == [MAIL.subject]


@SCHEMES
async def test_a_certificate_that_nobody_vouches_for(scheme: str, certificate: Path) -> None:
    """Anybody may have made it."""
    with serving(Post(), scheme, certificate) as url, refusal() as causes:
        await mailer_of(url, SENDER).send(MAIL)
    assert "CERTIFICATE_VERIFY_FAILED" in causes[0]


@SCHEMES
async def test_a_certificate_of_another_host(scheme: str, tmp_path: Path) -> None:
    """Whose mails that one reads is not known."""
    other = certify("127.0.0.2", tmp_path / "other.pem")
    trust = ssl.create_default_context(cafile=other)
    with serving(Post(), scheme, other) as url, refusal() as causes:
        await SmtpMailer(SmtpServer.of(url), SENDER, trust=trust).send(MAIL)
    assert "IP address mismatch" in causes[0]


@SCHEMES
async def test_a_server_without_tls(scheme: str) -> None:
    """Whoever asks for it gets it, or sends nothing; somebody on the way may have removed it."""
    with serving(Post()) as url, refusal():
        await mailer_of(url.replace("smtp:", f"{scheme}:"), SENDER).send(MAIL)


async def test_a_wrong_password() -> None:
    """The log names the answer, not the login."""
    with serving(Post()) as url, refusal() as causes:
        wrong = url.replace(login(USER, PASSWORD), login(USER, "s3cret"))
        await mailer_of(wrong, SENDER).send(MAIL)
    assert causes == ["NotSent('SMTPAuthenticationError 535 5.7.8')"]


async def test_a_recipient_who_is_not_there() -> None:
    """The server's words stay out of the log: only what they mean is told."""
    with serving(Post()) as url, refusal() as causes:
        await mailer_of(url, SENDER).send(Mail("nobody@example.org", MAIL.subject, MAIL.text))
    assert causes == ["NotSent('SMTPRecipientRefused 550 5.1.1')"]


@pytest.mark.parametrize(
    ("mood", "cause"),
    [(be_busy, "SMTPDataError 451"), (refuse_and_quote, "SMTPDataError 554 5.7.1")],
)
async def test_a_server_that_wants_no_mail(mood: Answer, cause: str) -> None:
    """Some quote the mail they refuse."""
    with serving(Post(mail=mood)) as url, refusal() as causes:
        await mailer_of(url, SENDER).send(MAIL)
    assert causes == [f"NotSent({cause!r})"]


async def test_a_server_that_says_nothing() -> None:
    """Nobody waits for ever."""
    with socket.create_server((HOST, 0)) as listener, refusal(seconds=2):
        server = SmtpServer.of(f"smtp://{HOST}:{listener.getsockname()[1]}")
        await SmtpMailer(server, SENDER, seconds=0.2).send(MAIL)


async def test_a_server_that_falls_silent() -> None:
    """The time is for all of it, not for each step."""
    with serving(Post(mail=hang)) as url, refusal(seconds=2):
        await SmtpMailer(SmtpServer.of(url), SENDER, seconds=0.5).send(MAIL)


async def test_a_server_that_knows_no_farewell() -> None:
    """It has the mail; to say otherwise would send it twice."""
    post = Post(farewell=hang)
    with serving(post) as url:
        await SmtpMailer(SmtpServer.of(url), SENDER, seconds=0.5).send(MAIL)
    assert len(post.mails) == 1


async def test_nobody_listens() -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    with refusal() as causes:
        await mailer_of(f"smtp://{HOST}:{port}", SENDER).send(MAIL)
    assert "SMTPConnectError" in causes[0]
