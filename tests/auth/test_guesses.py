"""Keys and tickets that are none of ours: each costs us a look, so nobody may try many."""

from collections.abc import Callable

import pytest
from starlette.testclient import WebSocketDenialResponse

from tests.auth.people import Service, code
from tradeapi.auth.guesses import MOST
from tradeapi.security.api_keys import ApiKey

PATH = "/api/v1/symbols"


def test_guessing_keys_is_limited(serve: Callable[..., Service]) -> None:
    """Whoever guesses has to wait; a key that is known already still works from that address."""
    service = serve()
    person = service.person()
    known = {"x-api-key": person.key()["key"]}
    assert service.client.get(PATH, headers=known).status_code == 200
    guesses = [
        service.client.get(PATH, headers={"x-api-key": ApiKey.new().text}) for _ in range(MOST + 5)
    ]
    assert [answer.status_code for answer in guesses] == [401] * MOST + [429] * 5
    assert code(guesses[-1]) == "too_many_requests"
    assert 0 < int(guesses[-1].headers["retry-after"]) <= 60
    assert service.client.get(PATH, headers=known).status_code == 200
    assert person.is_in()


def test_what_can_not_be_a_key_costs_nothing(serve: Callable[..., Service]) -> None:
    """It is told by its checksum, and not counted."""
    service = serve()
    key = ApiKey.new().text
    typo = key[:-1] + ("a" if key[-1] != "a" else "b")
    answers = [
        service.client.get(PATH, headers={"x-api-key": typo}).status_code for _ in range(MOST + 5)
    ]
    assert answers == [401] * (MOST + 5)


def test_guessing_tickets_is_limited(serve: Callable[..., Service]) -> None:
    """Before a socket is open."""
    client = serve().client
    for number in range(MOST):
        with client.websocket_connect(f"/ws?ticket=guess-{number}") as socket:
            assert socket.receive_json()["code"] == "unauthenticated"
            assert socket.receive()["code"] == 4401
    with (
        pytest.raises(WebSocketDenialResponse) as refusal,
        client.websocket_connect("/ws?ticket=one-more"),
    ):
        pass
    assert refusal.value.status_code == 429
