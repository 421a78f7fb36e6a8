"""What is logged, and what never is."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.shell.conftest import clean_environment
from tradeapi.logging import without_credentials

# In a process of its own: the logging of this one is pytest's.
PREPARED = """
import logging, structlog, warnings
from tradeapi.logging import configure
configure("info")
log = structlog.get_logger()
"""


def logged(script: str) -> list[dict[str, Any]]:
    output = subprocess.check_output(
        [sys.executable, "-c", PREPARED + script], env=clean_environment(), text=True
    )
    return [json.loads(line) for line in output.splitlines()]


def test_events_keep_their_fields() -> None:
    """With the time in UTC and what is bound to the context."""
    (event,) = logged(
        "structlog.contextvars.bind_contextvars(request_id='abc')\n"
        "log.info('bar.closed', symbol='US:AAPL', lag=1.5)"
    )
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "bar.closed",
        "level": "info",
        "symbol": "US:AAPL",
        "lag": 1.5,
        "request_id": "abc",
    }


def test_libraries_log_in_the_same_form() -> None:
    """Also when they have handlers of their own, and warnings of Python too."""
    events = logged(
        "log = logging.getLogger('uvicorn.error')\n"
        "log.addHandler(logging.StreamHandler())\n"
        "configure('info')\n"
        "structlog.contextvars.bind_contextvars(request_id='abc')\n"
        "log.info('Started %s', 'it')\n"
        "warnings.warn('Old.')"
    )
    assert [event["logger"] for event in events] == ["uvicorn.error", "py.warnings"]
    assert events[0]["event"] == "Started it"
    assert events[0]["request_id"] == "abc"


def test_fields_with_secret_names_are_hidden() -> None:
    """At any depth, however they are spelled."""
    (event,) = logged(
        "log.info('x', password='swordfish', access_token='swordfish', user='ann',"
        " headers={'Authorization': 'swordfish', 'X-API-Key': 'swordfish', 'Accept': '*/*',"
        " 'more': {'Set-Cookie': 'swordfish'}})"
    )
    assert "swordfish" not in json.dumps(event)
    assert (event["user"], event["headers"]["Accept"]) == ("ann", "*/*")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:swordfish@db/x", "postgresql://u:[redacted]@db/x"),
        ("Authorization: Bearer swordfish", "Authorization: Bearer [redacted]"),
        ("GET /ws?token=swordfish&a=1", "GET /ws?token=[redacted]&a=1"),
        ("http://127.0.0.1:8000 ann@example.com", "http://127.0.0.1:8000 ann@example.com"),
    ],
)
def test_sentences_of_libraries_lose_their_credentials(text: str, shown: str) -> None:
    """And nothing else."""
    assert without_credentials(text) == shown


def test_tracebacks_have_no_values() -> None:
    """Local variables hold passwords and whole requests."""
    (event,) = logged(
        "def login(password):\n    raise KeyError('ann')\n"
        "try:\n    login('swordfish')\nexcept KeyError:\n    log.exception('login.failed')"
    )
    assert "swordfish" not in json.dumps(event)
    assert event["exception"][0]["exc_type"] == "KeyError"
    assert event["exception"][0]["frames"][-1]["name"] == "login"


def test_whatever_clients_send_can_be_logged() -> None:
    """A line stays a line, and half a surrogate pair is no error."""
    lines, halves = logged("log.info('a\\n{\"b\": 1}', c='d\\ne')\nlog.info('x', name='\\ud800')")
    assert (lines["event"], lines["c"]) == ('a\n{"b": 1}', "d\ne")
    assert halves["event"] == "x"


def test_quiet_levels_are_dropped() -> None:
    """Ours and those of libraries; SQL is for debugging only."""
    assert logged("log.debug('x'); logging.getLogger('sqlalchemy.engine').info('SELECT')") == []
    assert len(logged("configure('debug'); logging.getLogger('sqlalchemy.engine').info('x')")) == 1


def test_a_terminal_gets_colours() -> None:
    """A person reads along there."""
    script = PREPARED + "configure('info', colours=True); log.info('hello', a=1)"
    output = subprocess.check_output([sys.executable, "-c", script], env=clean_environment())
    assert b"\x1b[" in output
    assert b"hello" in output
