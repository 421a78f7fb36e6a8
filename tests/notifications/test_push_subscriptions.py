"""Browsers over HTTP: subscribed, listed without what is secret, and removed."""

from typing import Any

import pytest

from tests.auth.people import NOON, Person, Service, code, everything_stored
from tests.notifications.browser import ENDPOINT, Browser, base64url

Json = dict[str, Any]


def put(person: Person, subscription: Json) -> Json:
    answer = person.call("PUT", "/push/subscriptions", subscription)
    assert answer.status_code == 200, answer.text
    made: Json = answer.json()
    return made


@pytest.fixture
def mine(service: Service) -> Person:
    return service.person()


def test_everybody_gets_the_same_key(service: Service, mine: Person) -> None:
    """Whenever they ask."""
    key = mine.get("/push/key")
    assert len(key["key"]) == 87
    assert service.person().get("/push/key") == mine.get("/push/key") == key


def test_a_browser_is_subscribed(service: Service, mine: Person) -> None:
    """Once, however often it says so; neither its endpoint nor its keys are shown or legible."""
    browser = Browser(f"{ENDPOINT}-once")
    subscription = browser.subscription() | {"expirationTime": NOON * 1000, "more": 1}
    made = put(mine, subscription)
    assert made == {
        "id": made["id"],
        "host": "fcm.googleapis.com",
        "expires_at": NOON,
        "created_at": NOON,
        "updated_at": NOON,
    }
    again = put(mine, browser.subscription())
    assert again == made | {"expires_at": None}
    assert mine.get("/push/subscriptions")["items"] == [again]
    stored = everything_stored(service.url)
    assert browser.endpoint not in stored
    assert subscription["keys"]["auth"] not in stored
    (exported,) = mine.get("/auth/me/export")["push_subscriptions"]
    assert exported["host"] == "fcm.googleapis.com"
    assert browser.endpoint not in str(exported)


def test_a_browser_that_changes_hands(service: Service, mine: Person) -> None:
    """Who logs in on it next gets what is pushed there, and who did before does not."""
    browser = Browser(f"{ENDPOINT}-shared")
    first = put(mine, browser.subscription())
    other = service.person()
    second = put(other, browser.subscription())
    assert mine.get("/push/subscriptions")["items"] == []
    assert other.get("/push/subscriptions")["items"] == [second]
    assert mine.call("DELETE", f"/push/subscriptions/{second['id']}").status_code == 404
    assert first["id"] != second["id"]


def test_a_browser_is_removed(mine: Person) -> None:
    """And not there any more."""
    id = put(mine, Browser(f"{ENDPOINT}-gone").subscription())["id"]
    assert mine.call("DELETE", f"/push/subscriptions/{id}").status_code == 204
    assert mine.call("DELETE", f"/push/subscriptions/{id}").status_code == 404
    assert mine.get("/push/subscriptions")["items"] == []


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://127.0.0.1/send",
        "https://push.local/",
        "ftp://example.com/",
        "https://a.example:25/",
    ],
)
def test_endpoints_that_are_refused(mine: Person, endpoint: str) -> None:
    """By the rules of webhooks."""
    answer = mine.call("PUT", "/push/subscriptions", Browser(endpoint).subscription())
    assert (answer.status_code, code(answer)) == (422, "url_not_allowed")
    assert answer.json()["errors"][0]["pointer"] == "/endpoint"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("p256dh", base64url(b"\x04" + b"\x01" * 64)),
        ("p256dh", base64url(b"\x04" * 10)),
        ("p256dh", "A"),
        ("auth", base64url(b"x" * 15)),
        ("auth", "A"),
    ],
)
def test_keys_that_are_refused(mine: Person, name: str, key: str) -> None:
    """Nothing can be encrypted with them."""
    subscription = Browser().subscription()
    subscription["keys"][name] = key
    answer = mine.call("PUT", "/push/subscriptions", subscription)
    assert (answer.status_code, code(answer)) == (422, "bad_push_keys")
    assert answer.json()["errors"][0]["pointer"] == f"/keys/{name}"


def test_there_are_so_many_and_no_more(service: Service, mine: Person) -> None:
    """One that is known may still say so."""
    most = service.settings.push_subscriptions_per_user
    browsers = [Browser(f"{ENDPOINT}-{number}") for number in range(most + 1)]
    for browser in browsers[:most]:
        put(mine, browser.subscription())
    answer = mine.call("PUT", "/push/subscriptions", browsers[most].subscription())
    assert (answer.status_code, code(answer)) == (403, "quota_push_subscriptions")
    put(mine, browsers[0].subscription())


def test_what_is_done_is_on_the_record(service: Service, mine: Person) -> None:
    """Once for each browser."""
    browser = Browser(f"{ENDPOINT}-recorded")
    id = put(mine, browser.subscription())["id"]
    put(mine, browser.subscription())
    mine.call("DELETE", f"/push/subscriptions/{id}")
    found = service.admin().get(f"/admin/audit?target={id}")["items"]
    assert [entry["action"] for entry in found] == ["push.delete", "push.create"]
