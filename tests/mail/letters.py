"""A mail that nobody but its reader may see, and what is left of it when it is refused."""

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from tests.mail.post_office import PASSWORD, USER, login
from tradeapi.errors import Unavailable
from tradeapi.mail import Mail

SENDER = '"API, Trade" <no-reply@example.com>'
LINK = f"https://charts.example.com/reset?token={'s3cret-' * 20}"
MAIL = Mail("ada@example.org", "Reset your password", f"Hello Ada,\n{LINK}\n")
SECRETS = ("s3cret", PASSWORD, *login(USER, PASSWORD).split(":"))


@contextmanager
def refusal(*, seconds: float = 5) -> Iterator[list[str]]:
    """What the log says of a mail that was not sent: one line, and soon, and no secret."""
    causes: list[str] = []
    start = time.monotonic()
    with capture_logs() as events, pytest.raises(Unavailable) as error:
        yield causes
    assert time.monotonic() - start < seconds
    assert error.value.code == "mail_unavailable"
    assert [event["event"] for event in events] == ["mail.failed"]
    told = f"{events}{''.join(traceback.format_exception(error.value))}"
    assert not [secret for secret in SECRETS if secret in told]
    assert repr(error.value.__cause__) == events[0]["cause"]
    causes.append(events[0]["cause"])
