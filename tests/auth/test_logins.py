"""Logging in with a password, and where one is logged in."""

from pathlib import Path
from uuid import uuid4

import pytest

from tests.auth.people import PASSWORD, Person, Service, at_once, bearer, code, serving, sql

SESSIONS = "/auth/sessions"


def test_a_login_answers_as_oauth_has_it(service: Service) -> None:
    """So that the button in /docs works; nobody keeps the answer."""
    answer = service.person().try_log_in()
    tokens = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert tokens["token_type"] == "bearer"  # noqa: S105  no secret
    assert tokens["expires_in"] == 15 * 60
    assert tokens["scope"] == "read write"
    assert len(tokens["refresh_token"]) >= 43


def test_every_refusal_is_the_same(service: Service) -> None:
    """Nobody learns from it who has an account."""
    person, disabled = service.person(), service.person()
    sql(service.url, "UPDATE users SET is_disabled = true WHERE email = :e", e=disabled.address)
    answers = [
        person.try_log_in("wrong"),
        Person(service.client, "nobody@example.com").try_log_in(),
        disabled.try_log_in(),
        Person(service.client, "no address \0").try_log_in(),
    ]
    bodies = [answer.json() for answer in answers]
    assert {answer.status_code for answer in answers} == {401}
    assert len({body.pop("request_id") for body in bodies}) == len(bodies)
    assert all(body == bodies[0] for body in bodies)
    assert bodies[0]["code"] == "invalid_credentials"
    headers = [{*answer.headers} for answer in answers]
    assert all(names == headers[0] for names in headers)


@pytest.mark.parametrize(("scope", "held"), [("", "read write"), ("write", "write")])
def test_a_login_may_ask_for_less(service: Service, scope: str, held: str) -> None:
    """What it does not ask for its token can't do."""
    person = service.person()
    answer = person.try_log_in(scope=scope)
    assert answer.json()["scope"] == held
    me = person.client.get("/api/v1/auth/me", headers=bearer(answer.json()["access_token"]))
    assert me.status_code == (200 if "read" in held else 403)


@pytest.mark.parametrize(
    ("scope", "status", "expected"),
    [("read admin", 403, "insufficient_scope"), ("root", 422, "unknown_scope")],
)
def test_nobody_gets_more_than_he_has(
    service: Service, scope: str, status: int, expected: str
) -> None:
    """And nothing that does not exist."""
    answer = service.person().try_log_in(scope=scope)
    assert (answer.status_code, code(answer)) == (status, expected)


@pytest.mark.parametrize(
    "form",
    [{}, {"username": "a@example.com"}, {"username": "a", "password": "b", "grant_type": "x"}],
)
def test_half_a_form_is_no_login(service: Service, form: dict[str, str]) -> None:
    """It is a mistake in the request, not in the password."""
    assert service.client.post("/api/v1/auth/token", data=form).status_code == 422


def test_a_hash_of_former_settings_is_replaced_at_the_login(
    database_url: str, tmp_path: Path
) -> None:
    """Also where two log in at the same time, of whom both are right."""
    stored = "SELECT password_hash FROM users"
    with serving(database_url, tmp_path, argon2_memory_kib=32) as service:
        person = service.person()
        (old,) = sql(database_url, stored)
        assert "m=32,t=1" in old[0]
    with serving(database_url, tmp_path) as service:
        again = Person(service.client, person.address)
        answers = at_once(8, again.try_log_in)
        assert [answer.status_code for answer in answers] == [200] * 8
        (new,) = sql(database_url, stored)
        assert "m=64,t=1" in new[0]
        again.log_in()
        assert sql(database_url, stored) == [new]


def test_one_sees_where_one_is_logged_in(service: Service) -> None:
    """The newest first, and not where others are."""
    person = service.person()
    service.person()
    service.clock.time += 1
    phone = person.elsewhere()
    mine, theirs = person.get(SESSIONS), phone.get(SESSIONS)
    assert mine["items"] == theirs["items"]
    assert [item["id"] for item in mine["items"][:2]] == [theirs["current"], mine["current"]]
    assert {item["agent"] for item in mine["items"]} == {"testclient"}
    assert {"hash", "refresh_token", "user_id"}.isdisjoint(mine["items"][0])


def test_another_login_can_be_ended(service: Service) -> None:
    """Its access token with it, at once; and only once."""
    person = service.person()
    phone = person.elsewhere()
    path = f"{SESSIONS}/{phone.get(SESSIONS)['current']}"
    assert person.call("DELETE", path).status_code == 204
    assert not phone.is_in()
    assert phone.try_refresh().status_code == 401
    assert person.call("DELETE", path).status_code == 404
    assert person.is_in()


def test_the_logins_of_others_are_not_there(service: Service) -> None:
    """404 and not 403: it is nobody's business that they exist."""
    victim, stranger, admin = service.person(), service.person(), service.admin()
    theirs = victim.get(SESSIONS)["current"]
    for somebody in (stranger, admin):
        answers = [somebody.call("DELETE", f"{SESSIONS}/{id}") for id in (theirs, uuid4())]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].json()["detail"] == answers[1].json()["detail"]
    assert victim.is_in()


def test_a_logout_ends_one_login(service: Service) -> None:
    """Access and refresh token; the other device stays."""
    person = service.person()
    phone = person.elsewhere()
    assert person.call("POST", "/auth/logout").status_code == 204
    answer = person.call("GET", "/auth/me")
    assert (answer.status_code, code(answer)) == (401, "token_revoked")
    assert person.try_refresh().status_code == 401
    assert phone.is_in()


def test_a_logout_everywhere_ends_all(service: Service) -> None:
    """But not those of others."""
    person, other = service.person(), service.person()
    phone = person.elsewhere()
    assert person.call("POST", "/auth/logout", {"all": True}).status_code == 204
    assert not person.is_in()
    assert not phone.is_in()
    assert phone.try_refresh().status_code == 401
    assert other.is_in()


def test_logins_that_are_over_are_forgotten(service: Service) -> None:
    """With their tokens, when the user next logs in."""
    person = service.person()
    count = "SELECT count(*) FROM logins WHERE user_id = :id"
    id = sql(service.url, "SELECT id FROM users WHERE email = :e", e=person.address)[0][0]
    before = sql(service.url, count, id=id)[0][0]
    service.clock.time += 15 * 86_400
    person.log_in()
    assert before == 1
    assert sql(service.url, count, id=id)[0][0] == 1


def test_the_tables_hold_no_password_and_no_token(service: Service) -> None:
    """Whoever reads the database can't log in with it."""
    person = service.person(password=PASSWORD)
    stored = str(
        [
            *sql(service.url, "SELECT * FROM users"),
            *sql(service.url, "SELECT * FROM refresh_tokens"),
        ]
    )
    assert PASSWORD not in stored
    assert person.refresh_token not in stored
    assert person.access not in stored
