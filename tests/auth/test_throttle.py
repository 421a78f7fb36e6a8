"""Guessing passwords gets slower, and nobody is locked out by somebody else's guesses."""

import time
from collections.abc import Callable

import httpx2
import pytest

from tests.auth.people import PASSWORD, Person, Service, code

GUESSER, NEIGHBOUR, OWNER = "2001:db8:0:1::1", "2001:db8:0:1::2", "203.0.113.7"


def at(service: Service, person: Person, address: str) -> Person:
    """The same person, calling from this address."""
    somebody = Person(service.client, person.address)
    somebody.place = {"x-forwarded-for": address}
    return somebody


def guess(person: Person, times: int) -> list[httpx2.Response]:
    return [person.try_log_in("wrong") for _ in range(times)]


def test_after_five_wrong_passwords_one_waits(service: Service) -> None:
    """Also with the right one; longer with each more, and each of one's addresses."""
    person = service.person()
    guesser = at(service, person, GUESSER)
    assert [answer.status_code for answer in guess(guesser, 5)] == [401] * 5
    for somebody in (guesser, at(service, person, NEIGHBOUR)):
        answer = somebody.try_log_in(PASSWORD)
        assert (answer.status_code, code(answer)) == (429, "too_many_logins")
        assert answer.headers["retry-after"] == "1"
    time.sleep(1.1)
    assert guess(guesser, 1)[0].status_code == 401
    answer = guesser.try_log_in()
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "2"


def test_the_owner_gets_in_meanwhile(service: Service) -> None:
    """Nobody can lock out who lives elsewhere; and his login does not help the guesser."""
    person = service.person()
    guesser = at(service, person, GUESSER)
    guess(guesser, 5)
    at(service, person, OWNER).log_in()
    assert guesser.try_log_in().status_code == 429
    other = service.person()
    at(service, other, GUESSER).log_in()


def test_an_account_that_is_guessed_at_from_everywhere_answers_slower(service: Service) -> None:
    """Its owner still gets in."""
    person = service.person()
    for network in range(6):
        guess(at(service, person, f"198.51.100.{network}"), 4)
    start = time.monotonic()
    at(service, person, OWNER).log_in()
    assert 0.1 < time.monotonic() - start < 2


def test_the_right_password_forgives(service: Service) -> None:
    """Whoever knows it again may mistype again."""
    person = service.person()
    somebody = at(service, person, OWNER)
    guess(somebody, 5)
    time.sleep(1.1)
    somebody.log_in()
    assert [answer.status_code for answer in guess(somebody, 4)] == [401] * 4
    somebody.log_in()


def test_an_account_that_does_not_exist_is_throttled_alike(service: Service) -> None:
    """Else the waiting would tell who has one."""
    nobody = at(service, Person(service.client, "nobody-at-all@example.com"), GUESSER)
    assert [answer.status_code for answer in guess(nobody, 6)] == [401] * 5 + [429]


def test_whoever_has_the_token_does_not_guess_the_password_faster(service: Service) -> None:
    """Changing it, changing the address and leaving ask for it, too."""
    person = service.person()
    bodies = {
        ("PUT", "/auth/me/password"): {"current": "wrong", "new": "another horse battery"},
        ("PATCH", "/auth/me"): {"email": "x@example.com", "password": "wrong"},
        ("DELETE", "/auth/me"): {"password": "wrong"},
    }
    attempts = [
        person.call(method, path, body) for _ in range(2) for (method, path), body in bodies.items()
    ]
    assert [answer.status_code for answer in attempts] == [422] * 5 + [429]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("register", {"json": {}}),
        ("token", {"data": {}}),
        ("password/forgot", {"json": {}}),
        ("password/reset", {"json": {}}),
        ("email/verify", {"json": {}}),
    ],
)
def test_an_address_may_try_so_often(
    serve: Callable[..., Service], path: str, body: dict[str, object]
) -> None:
    """Whatever it tries, and in whose name."""
    client = serve(rate_limit_login_per_minute=3).client
    answers = [client.request("POST", f"/api/v1/auth/{path}", **body) for _ in range(5)]  # type: ignore[arg-type]
    # One more gets in where a minute ends just now.
    assert [answer.status_code for answer in answers[:3]] == [422] * 3
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
