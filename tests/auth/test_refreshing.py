"""Refresh tokens: each is good once, and whoever steals one ends the login."""

from collections import Counter

import pytest

from tests.auth.people import Service, at_once, code, sql

DAY = 86_400.0
TOKENS = (
    "SELECT count(*), count(refresh_tokens.used_at) FROM refresh_tokens "
    "JOIN logins ON logins.id = login_id JOIN users ON users.id = user_id WHERE email = :address"
)


def test_a_refresh_gives_a_new_pair(service: Service) -> None:
    """The former access token goes on until its end."""
    person = service.person()
    access, refresh = person.access, person.refresh_token
    service.clock.time += 60
    answer = person.try_refresh()
    person.take(answer)
    assert answer.headers["cache-control"] == "no-store"
    assert person.access != access
    assert person.refresh_token != refresh
    assert person.is_in()
    person.access = access
    assert person.is_in()


def test_an_access_token_ends_and_the_login_goes_on(service: Service) -> None:
    """The code says that a refresh will do."""
    person = service.person()
    service.clock.time += 15 * 60
    answer = person.call("GET", "/auth/me")
    assert (answer.status_code, code(answer)) == (401, "token_expired")
    person.refresh()
    assert person.is_in()


def test_a_second_use_within_ten_seconds_is_another_tab(service: Service) -> None:
    """Both have a pair that works, of one login."""
    person = service.person()
    token = person.refresh_token
    person.refresh()
    service.clock.time += 10
    answer = person.try_refresh(token)
    assert answer.status_code == 200
    assert answer.json()["refresh_token"] != person.refresh_token
    person.refresh()
    person.take(answer)
    person.refresh()
    assert len(person.get("/auth/sessions")["items"]) == 1


def test_a_later_second_use_ends_the_login(service: Service) -> None:
    """With every token of it: one of the two who have it is a thief."""
    person = service.person()
    laptop = person.elsewhere()
    stolen = person.refresh_token
    person.refresh()
    service.clock.time += 10.5
    answer = person.try_refresh(stolen)
    assert (answer.status_code, code(answer)) == (401, "bad_refresh_token")
    assert not person.is_in()
    assert person.try_refresh().status_code == 401
    assert laptop.is_in()
    outcomes = "SELECT outcome FROM audit WHERE action = 'login.refresh' ORDER BY id DESC"
    assert sql(service.url, outcomes)[0][0] == "reused"


@pytest.mark.parametrize("token", ["x", "x" * 43, "é\u0000"])
def test_what_is_no_refresh_token_is_refused(service: Service, token: str) -> None:
    """In the words for one that was used."""
    answer = service.client.post("/api/v1/auth/refresh", json={"refresh_token": token})
    assert (answer.status_code, code(answer)) == (401, "bad_refresh_token")


def test_an_access_token_is_no_refresh_token(service: Service) -> None:
    """Nor the other way round."""
    person = service.person()
    assert person.try_refresh(person.access).status_code in {401, 422}
    person.access = person.refresh_token
    assert not person.is_in()


def test_a_login_that_is_not_used_ends(service: Service) -> None:
    """After two weeks; each use begins them anew."""
    person = service.person()
    service.clock.time += 13 * DAY
    person.refresh()
    service.clock.time += 13 * DAY
    person.refresh()
    service.clock.time += 14 * DAY
    assert person.try_refresh().status_code == 401


def test_a_login_ends_however_much_it_is_used(service: Service) -> None:
    """After ninety days."""
    person = service.person()
    for _ in range(8):
        service.clock.time += 11 * DAY
        person.refresh()
    service.clock.time += 2 * DAY
    assert person.try_refresh().status_code == 401


def test_a_disabled_user_gets_no_pair(service: Service) -> None:
    """Even where the login itself was not ended."""
    person = service.person()
    sql(service.url, "UPDATE users SET is_disabled = true WHERE email = :e", e=person.address)
    assert person.try_refresh().status_code == 401


def test_a_refresh_hands_out_what_the_login_and_the_user_have(service: Service) -> None:
    """A login that asked for less gets no more later; and a user who has less, less."""
    person = service.person()
    person.log_in(scope="read")
    service.grant(person, "read write ingest")
    answer = person.try_refresh()
    assert answer.json()["scope"] == "read"
    service.grant(person, "write")
    assert person.try_refresh(answer.json()["refresh_token"]).json()["scope"] == ""


def test_a_hundred_at_once_are_one_living_family(service: Service) -> None:
    """All tabs of a browser that wakes up: the first use counts once, the others are siblings."""
    person = service.person()
    answers = at_once(100, person.try_refresh)
    assert Counter(answer.status_code for answer in answers) == {200: 100}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 100
    assert [*sql(service.url, TOKENS, address=person.address)[0]] == [101, 1]
    person.take(answers[0])
    assert len(person.get("/auth/sessions")["items"]) == 1
    person.take(answers[-1])
    person.refresh()


def test_thieves_at_once_leave_nothing(service: Service) -> None:
    """A token that was used long ago, many times at the same time: no pair, no crash."""
    person = service.person()
    stolen = person.refresh_token
    person.refresh()
    service.clock.time += 11
    answers = at_once(20, lambda: person.try_refresh(stolen))
    assert {answer.status_code for answer in answers} == {401}
    assert not person.is_in()
    assert person.try_refresh().status_code == 401
