"""What the page about webhooks shows to be run by others."""

import time

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from uuid_utils.compat import uuid7

from tests.documents.examples import block
from tests.notifications.errands import notice
from tradeapi.notifications.webhooks.signing import body_of, headers_of, new_secret


def test_the_example_verifies_what_we_send(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It takes each message once, and nothing that another has signed."""
    secret, id = new_secret(), uuid7()
    monkeypatch.setenv("WEBHOOK_SECRET", secret)
    names: dict[str, object] = {}
    exec(block("docs/webhooks.md", "python", "Webhook(").text, names)  # noqa: S102  it is ours
    app = names["app"]
    assert isinstance(app, FastAPI)
    body = body_of(id, notice(uuid7()))

    def post(key: str) -> int:
        headers = headers_of(id, body, time.time(), [key])
        return TestClient(app).post("/prices", content=body, headers=headers).status_code

    assert [post(secret), post(secret), post(new_secret())] == [204, 204, 400]
    assert capsys.readouterr().out.startswith("alert.fired {'symbol': 'US:AAPL'")
