"""Both mailers deliver alike; what a mail may be, and what MAIL_URL."""

import re
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.mail.letters import LINK, MAIL, SENDER, refusal
from tests.mail.post_office import HOST, Post, serving
from tradeapi.errors import NotStarted
from tradeapi.mail import FolderMailer, Mail, Mailer, mailer_of

pytestmark = pytest.mark.anyio


@dataclass
class Delivery:
    mailer: Mailer
    mails: Callable[[], list[EmailMessage]]


@pytest.fixture(params=["folder", "smtp"])
def delivery(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Delivery]:
    """A mailer, and what came of it, in order."""
    if request.param == "folder":
        folder = tmp_path / "not" / "yet"
        yield Delivery(mailer_of(f"folder:{folder}", SENDER), lambda: _mails_in(folder))
        return
    post = Post()
    with serving(post) as url:
        yield Delivery(mailer_of(url, SENDER), lambda: post.mails)


async def test_a_mail_says_what_it_is(delivery: Delivery) -> None:
    """Nobody's holiday notice answers it, and no server has to add a date or an id."""
    await delivery.mailer.send(MAIL)
    (mail,) = delivery.mails()
    assert (mail["From"], mail["To"], mail["Subject"]) == (SENDER, MAIL.to, MAIL.subject)
    assert mail.get_content() == MAIL.text
    assert mail["Auto-Submitted"] == "auto-generated"
    assert abs(mail["Date"].datetime - datetime.now(UTC)) < timedelta(seconds=30)
    assert mail["Message-ID"].endswith("@example.com>")


@pytest.mark.parametrize(
    "text",
    ["Grüße, 東京 👩‍🚀\n", ".\n..\nFrom me\n\n.\n", f"{'x' * 5000}\n", "\n", "lone \r ends\r\n"],
)
async def test_every_text_arrives(delivery: Delivery, text: str) -> None:
    """Dots, long lines and all the letters there are; line ends become those of mail."""
    mail = Mail("jörg@exämple.org", f"Grüße 👩‍🚀 {'sehr lang ' * 30}!", text)
    await delivery.mailer.send(mail)
    (got,) = delivery.mails()
    assert (got["To"], got["Subject"]) == (mail.to, mail.subject)
    assert got.get_content() == "\n".join([*text.splitlines(), ""])


async def test_a_mail_may_say_the_same_in_html(delivery: Delivery) -> None:
    """Beside the text, for those whose programs show it; whatever is in it, it arrives."""
    html = f"<p>Grüße 👩‍🚀 &amp; more</p>\n.\n<p>{'x' * 5000}</p>\n"
    await delivery.mailer.send(Mail(MAIL.to, MAIL.subject, MAIL.text, html))
    (mail,) = delivery.mails()
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert [part.get_content() for part in mail.iter_parts()] == [MAIL.text, html]
    with pytest.raises(ValueError, match="NUL"):
        Mail(MAIL.to, MAIL.subject, MAIL.text, "<p>\0</p>")


async def test_mails_keep_their_order(delivery: Delivery) -> None:
    """And none is taken for another."""
    subjects = [f"Mail {number}" for number in range(5)]
    for subject in subjects:
        await delivery.mailer.send(Mail(MAIL.to, subject, ""))
    mails = delivery.mails()
    assert [mail["Subject"] for mail in mails] == subjects
    assert len({mail["Message-ID"] for mail in mails}) == 5


@pytest.mark.parametrize(
    "to",
    [
        "",
        "ada",
        "ada@example.org\r\nBcc: eve@example.com",
        "ada@example.org,eve@example.com",
        "Ada <ada@example.org>",
        "=?utf-8?q?eve=40example.com=2C?=@example.org",
        "ada@\x00example.org",
        f"ada@{'x' * 251}",
        "\udc80@example.org",
        "ada@\udc80",
    ],
)
def test_a_mail_goes_to_one_address(to: str) -> None:
    """Nobody is smuggled in."""
    with pytest.raises(ValueError, match="one plain address"):
        Mail(to, MAIL.subject, MAIL.text)


@pytest.mark.parametrize(
    "subject", ["a\nBcc: eve@example.com", "a\r", "a\u2028b", "=?utf-8?q?a=0ABcc:_eve?=", "\ud800"]
)
def test_a_subject_adds_no_header(subject: str) -> None:
    """Not even in the encoding that Python's headers undo."""
    with pytest.raises(ValueError, match="one line"):
        Mail(MAIL.to, subject, MAIL.text)


def test_the_text_is_not_shown() -> None:
    """Nor does the error show it, of a text that can not be sent."""
    assert "s3cret" not in repr(MAIL)
    with pytest.raises(ValueError, match="NUL") as error:
        Mail(MAIL.to, MAIL.subject, f"{LINK}\ud800")
    assert "s3cret" not in repr(error.value)


async def test_a_file_is_for_its_owner(tmp_path: Path) -> None:
    """Who reads it in a terminal finds links in one piece."""
    await FolderMailer(tmp_path, SENDER).send(MAIL)
    (file,) = _files(tmp_path)
    assert re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}\.eml", file.name)
    assert file.stat().st_mode & 0o777 == 0o600
    assert f"\n{LINK}\n".encode() in file.read_bytes()


async def test_a_folder_that_is_none(tmp_path: Path) -> None:
    """The caller learns the same as of a server that is down."""
    (tmp_path / "file").touch()
    with refusal() as causes:
        await FolderMailer(tmp_path / "file", SENDER).send(MAIL)
    assert causes[0].startswith("FileExistsError")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "folder:",
        "http://robot:s3cret@example.com",
        "smtp://robot:s3cret@",
        "smtp://robot:s3cret@example.com:0",
        "smtp://robot:s3cret@example.com:99999",
        "smtp://robot:s3cret/@example.com:25",
        "smtp://robot:1#s3cret@example.com",
        "smtp://robot:1?s3cret@example.com",
        "smtp://robot:1/s3cret@example.com",
        "smtp://robot:s3cret%FF@example.com",
        "smtp://robot:s3cret\u2100@example.com",
        "smtp://:s3cret@example.com",
        "smtp://s3cret@example.com",
        "smtp://robot:s3cret@example..com",
        "smtps://robot:s3cret@[::1",
    ],
)
def test_a_url_that_is_none(url: str) -> None:
    """Whoever starts the process learns the forms, and no log the password."""
    with pytest.raises(NotStarted, match="MAIL_URL") as error:
        mailer_of(url, SENDER)
    assert "s3cret" not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize("sender", ["", "Trade API", "a@b\r\nBcc: c@d", "API, Trade <a@b.de>"])
def test_a_sender_that_is_none(sender: str) -> None:
    with pytest.raises(NotStarted, match="can not come from"):
        mailer_of(f"smtp://{HOST}", sender)


def _mails_in(folder: Path) -> list[EmailMessage]:
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in _files(folder)]


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())
