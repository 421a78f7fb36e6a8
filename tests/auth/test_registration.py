"""Making an account."""

import json
from collections.abc import Callable
from uuid import UUID

import pytest

from tests.auth.people import PASSWORD, Person, Service, at_once, code, sql


def test_an_address_is_kept_in_lower_case(service: Service) -> None:
    """People type it as they like, and are the same all the same."""
    answer = Person(service.client, "  Grace.Hopper@Example.COM ").register()
    assert answer.status_code == 201
    user = answer.json()
    UUID(user.pop("id"))
    assert user == {
        "email": "grace.hopper@example.com",
        "role": "user",
        "scopes": ["read", "write"],
        "is_disabled": False,
        "verified_at": None,
        "created_at": service.clock.now(),
        "version": 1,
    }
    Person(service.client, "GRACE.HOPPER@example.com").log_in()


def test_one_address_is_one_account(service: Service) -> None:
    """Also in another case, and composed of other characters."""
    Person(service.client, "rené@example.com").register()
    for again in ("RENÉ@example.com", "rene\u0301@example.com"):
        answer = Person(service.client, again).register()
        assert (answer.status_code, code(answer)) == (409, "email_taken")


def test_of_many_at_once_one_gets_the_address(service: Service) -> None:
    """The database decides, and nobody sees a crash."""
    person = Person(service.client, "race@example.com")
    answers = at_once(20, person.register)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    count = "SELECT count(*) FROM users WHERE email = :email"
    assert sql(service.url, count, email=person.address)[0][0] == 1
    person.log_in()


@pytest.mark.parametrize(
    "password",
    ["short", "password1", "PASSWORD1", "ada@example.com", "with a \0 in it", "x" * 1025, ""],
)
def test_a_weak_password_makes_no_account(service: Service, password: str) -> None:
    """Too short, leaked, the address itself, no text, too long, none."""
    answer = Person(service.client, "ada@example.com", password).register()
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/password"
    assert not password or password not in answer.text
    assert not sql(service.url, "SELECT 1 FROM users WHERE email = 'ada@example.com'")


def test_a_password_may_be_anything_that_is_text(service: Service) -> None:
    """And is the same however its accents are composed."""
    person = service.person(password="pferde 🐎 essen Äpfel")
    assert person.try_log_in("pferde 🐎 essen A\u0308pfel").status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "ada",
        "ada@localhost",
        "@example.com",
        "ada@@example.com",
        "ada @example.com",
        "a\0da@example.com",
        "ada@example.com.",
        "ada@example..com",
        "ada,bob@example.com",
        "Ada <ada@example.com>",
        '"ada"@example.com',
        "=?utf-8?q?ada?=@example.com",
        "a\ud800da@example.com",
        "ada@example.com\r\nbcc: bob@example.com",
        "a" * 250 + "@example.com",
        # It has fewer characters than bytes, and more when it is in lower case.
        "é" * 200 + "@example.com",
        "İ" * 125 + "@example.com",
    ],
)
def test_what_is_no_address_makes_no_account(service: Service, address: str) -> None:
    """What no mail could be sent to, or one to somebody else."""
    answer = service.client.post(
        "/api/v1/auth/register",
        content=json.dumps({"email": address, "password": PASSWORD}),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == "/email"


def test_an_emoji_is_an_address(service: Service) -> None:
    """The part before the @ may have any character."""
    service.person(address="🐎@example.com")


def test_nobody_makes_himself_an_admin(service: Service) -> None:
    """A field too many is refused, and not overlooked."""
    body = {"email": "eve@example.com", "password": PASSWORD, "role": "admin"}
    answer = service.client.post("/api/v1/auth/register", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/role"


def test_registration_can_be_closed(serve: Callable[..., Service]) -> None:
    """Then operators make accounts."""
    answer = Person(serve(registration_open=False).client, "ada@example.com").register()
    assert (answer.status_code, code(answer)) == (403, "registration_closed")
