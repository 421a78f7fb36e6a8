"""How somebody wants to be told, over HTTP."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.auth.people import Person, Service, code
from tradeapi.notifications.channels import Channels
from tradeapi.notifications.notices import Channel

DEFAULT: dict[str, object] = {
    "time_zone": "UTC",
    "quiet_hours": None,
    "channels": [],
    "mail": True,
    "digest": None,
}
CHOSEN = {
    "time_zone": "Europe/Berlin",
    "quiet_hours": {"from": "22:00", "to": "07:30"},
    "channels": ["email"],
    "mail": True,
    "digest": "08:15",
}
PATH = "/notifications/preferences"


def test_what_is_chosen_holds(service: Service) -> None:
    """Without it the defaults do; the answer says what could be chosen."""
    ada = service.person()
    answer = ada.get(PATH)
    assert "email" in answer.pop("available")
    assert answer == DEFAULT
    for wanted in (CHOSEN, {**CHOSEN, "digest": "00:00"}, DEFAULT, CHOSEN):
        put = ada.call("PUT", PATH, wanted)
        assert put.status_code == 200, put.text
        assert put.json() == ada.get(PATH) == {**wanted, "available": put.json()["available"]}
    assert ada.get("/auth/me/export")["notification_preferences"] == [
        {
            "time_zone": "Europe/Berlin",
            "quiet_from": 22 * 60,
            "quiet_to": 7 * 60 + 30,
            "channels": ["email"],
            "mail": True,
            "digest_minute": 8 * 60 + 15,
        }
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../etc/passwd"},
        {"time_zone": ""},
        {"quiet_hours": {"from": "22:00", "to": "22:00"}},
        {"quiet_hours": {"from": "24:00", "to": "07:00"}},
        {"quiet_hours": {"from": "22:00"}},
        {"channels": ["pigeon"]},
        {"channels": ["email"] * 11},
        {"digest": "8:00"},
        {"digest": "08:60"},
        {"digest": "08:00\n"},
        {"mail": None},
        {"more": 1},
    ],
)
def test_what_makes_no_sense_is_refused(service: Service, wrong: dict[str, Any]) -> None:
    """And nothing is changed."""
    ada = service.person()
    answer = ada.call("PUT", PATH, CHOSEN | wrong)
    assert answer.status_code == 422, answer.text
    for missing in CHOSEN:
        body = {name: value for name, value in CHOSEN.items() if name != missing}
        assert ada.call("PUT", PATH, body).status_code == 422
    assert ada.get(PATH)["time_zone"] == "UTC"


def test_a_channel_that_there_is_not_can_not_be_chosen(
    serve: Callable[..., Service],
) -> None:
    """Where no mail is sent nobody is told that it will be."""
    ada = serve(mail_url=None).person()
    assert "email" not in ada.get(PATH)["available"]
    for wanted in ({"channels": ["email"], "digest": None}, {"channels": [], "digest": "08:00"}):
        answer = ada.call("PUT", PATH, CHOSEN | wanted)
        assert (answer.status_code, code(answer)) == (422, "channel_unavailable")
    assert ada.call("PUT", PATH, DEFAULT).status_code == 200


def test_features_ask_which_channels_there_are() -> None:
    """All of what somebody has chosen has to be there."""
    channels = Channels(frozenset({Channel.EMAIL}))
    channels.require([])
    channels.require([Channel.EMAIL])
    assert Channel.EMAIL in channels
    with pytest.raises(Exception, match="push"):
        channels.require([Channel.EMAIL, Channel.PUSH])


def calls() -> Iterator[tuple[str, object]]:
    yield "GET", None
    yield "PUT", CHOSEN


def test_they_are_their_owners_alone(service: Service) -> None:
    """Nobody gets in; a key for reading reads."""
    ada, eve = service.person(), service.person()
    ada.call("PUT", PATH, CHOSEN)
    key = {"x-api-key": ada.key(scopes=["read"])["key"]}
    for method, body in calls():
        url = f"/api/v1{PATH}"
        assert service.client.request(method, url, json=body).status_code == 401
        answer = service.client.request(method, url, json=body, headers=key)
        assert answer.status_code == (200 if method == "GET" else 403)
    assert eve.get(PATH)["time_zone"] == "UTC"
    eve.call("PUT", PATH, DEFAULT | {"time_zone": "Asia/Tokyo"})
    assert ada.get(PATH)["time_zone"] == "Europe/Berlin"


def mail_off(person: Person, token: str) -> int:
    answer = person.client.post("/api/v1/notifications/mail-off", json={"token": token})
    return answer.status_code


@pytest.mark.parametrize("token", ["x", "IjAwIg.junk", "a" * 300])
def test_a_link_that_is_none_turns_nothing_off(service: Service, token: str) -> None:
    """Whoever makes one up."""
    assert mail_off(service.person(), token) == 422
