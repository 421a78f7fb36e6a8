"""What hostile callers have tried, and what must not come of it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tests.auth.people import PASSWORD, Person, Service, code, eventually, sql
from tests.caller import Caller
from tradeapi.app import create_app
from tradeapi.auth.guesses import MOST
from tradeapi.security.api_keys import ApiKey
from tradeapi.settings import Settings

NEW = "another horse battery"


def test_an_odd_path_is_no_way_around_a_limit(serve: Callable[..., Service]) -> None:
    """A route would let a line's end pass, and the limits compare paths."""
    client = serve(rate_limit_login_per_minute=3).client
    for path in ("token%0A", "password/forgot%0A", "token%0A%0A"):
        assert client.post(f"/api/v1/auth/{path}").status_code == 404


def test_keys_of_who_had_the_account_before_end_with_a_reset(service: Service) -> None:
    """Else whoever registers an address first keeps a way in."""
    squatter = service.person()
    key = {"x-api-key": squatter.key()["key"]}
    assert service.client.get("/api/v1/symbols", headers=key).status_code == 200
    service.client.post("/api/v1/auth/password/forgot", json={"email": squatter.address})
    token = service.mailbox.token(squatter.address, number=2)
    body = {"token": token, "password": NEW}
    assert service.client.post("/api/v1/auth/password/reset", json=body).status_code == 204
    assert service.client.get("/api/v1/symbols", headers=key).status_code == 401
    assert not squatter.is_in()


def test_changing_ones_address_is_limited_like_a_login(serve: Callable[..., Service]) -> None:
    """It looks at a password, and writes to whomever it names."""
    service = serve(rate_limit_login_per_minute=6)
    person = service.person()
    answers = [
        person.call("PATCH", "/auth/me", {"email": f"v{number}@example.com", "password": PASSWORD})
        for number in range(8)
    ]
    assert answers[0].status_code == 200
    assert code(answers[-1]) == "too_many_requests"


def test_nobody_can_bury_a_mailbox(service: Service) -> None:
    """From however many addresses; the answer is the same."""
    person = service.person()
    for number in range(12):
        place = {"x-forwarded-for": f"198.51.100.{number}"}
        answer = service.client.post(
            "/api/v1/auth/password/forgot", json={"email": person.address}, headers=place
        )
        assert answer.status_code == 202
    service.client.post("/api/v1/auth/password/forgot", json={"email": service.person().address})
    for _ in eventually():
        if len(service.mailbox.letters(person.address)) == 5:
            break
    assert len(service.mailbox.letters(person.address)) == 5


def test_a_long_query_is_not_looked_through(service: Service) -> None:
    """It counts as an export, and costs no more than another."""
    query = "%41=1&" * 5000
    answer = service.client.get(f"/api/v1/bars/SIM:X?{query}")
    assert '"heavy"' in answer.headers["ratelimit-policy"]


def test_no_token_outlives_its_account(service: Service) -> None:
    """Nor one of a login that was under way when it went."""
    for _ in range(4):
        person = service.person()
        with ThreadPoolExecutor(5) as threads:
            logins = [
                threads.submit(Person(service.client, person.address).try_log_in) for _ in range(3)
            ]
            gone = threads.submit(person.call, "DELETE", "/auth/me", {"password": PASSWORD})
            assert gone.result().status_code == 204
        for login in logins:
            if login.result().status_code == 200:
                somebody = Person(service.client, person.address)
                somebody.take(login.result())
                assert not somebody.is_in()


def test_news_that_an_older_process_does_not_understand(service: Service) -> None:
    """It passes them over, and hears what comes after."""
    unknown = "INSERT INTO revocations (kind, subject, at) VALUES ('later', :subject, :at)"
    subject = uuid4().hex if service.url.startswith("sqlite") else uuid4()
    sql(service.url, unknown, subject=subject, at=service.clock.now() + 1)
    person = service.person()
    key = person.key()
    headers = {"x-api-key": key["key"]}
    assert service.client.get("/api/v1/symbols", headers=headers).status_code == 200
    heard = "INSERT INTO revocations (kind, subject, at) VALUES ('key', :subject, :at)"
    subject = key["id"].replace("-", "") if service.url.startswith("sqlite") else key["id"]
    sql(service.url, heard, subject=subject, at=service.clock.now() + 1)
    sql(service.url, "UPDATE api_keys SET revoked_at = 1 WHERE name = 'feed'")
    for _ in eventually():
        if service.client.get("/api/v1/symbols", headers=headers).status_code == 401:
            break


def test_a_neighbours_bad_keys_do_not_end_good_ones(serve: Callable[..., Service]) -> None:
    """Also when a good one is looked up again."""
    service = serve()
    known = {"x-api-key": service.person().key()["key"]}
    assert service.client.get("/api/v1/symbols", headers=known).status_code == 200
    for _ in range(MOST + 1):
        service.client.get("/api/v1/symbols", headers={"x-api-key": ApiKey.new().text})
    service.clock.time += 61
    assert service.client.get("/api/v1/symbols", headers=known).status_code == 200


def test_a_token_is_good_as_a_bearer_only(service: Service) -> None:
    """Also one that has been read before."""
    person = service.person()
    assert person.is_in()
    token = person.headers["authorization"].removeprefix("Bearer ")
    for scheme, status in (("bearer", 200), ("Custom", 401), ("Basic1", 401)):
        headers = {"authorization": f"{scheme} {token}"}
        assert service.client.get("/api/v1/auth/me", headers=headers).status_code == status


def test_a_change_that_changes_nothing_logs_nobody_out(service: Service) -> None:
    admin, person = service.admin(), service.person()
    answer = admin.call("PATCH", f"/admin/users/{person.id}", {"is_disabled": False})
    assert answer.status_code == 200
    assert person.is_in()


def test_who_changes_ones_account_can_see_whether_it_has_changed(service: Service) -> None:
    person = service.person()
    me = service.client.get("/api/v1/auth/me", headers=person.headers)
    body = {"email": f"new-{person.address}", "password": PASSWORD}

    def change(etag: str) -> int:
        headers = {**person.headers, "if-match": etag}
        return service.client.patch("/api/v1/auth/me", json=body, headers=headers).status_code

    assert change('"another"') == 412
    assert change(me.headers["etag"]) == 200
    assert change(me.headers["etag"]) == 412


def test_who_changes_an_account_is_told_on(service: Service) -> None:
    """The owner learns of a new password, and at the former address of a new one."""
    person = service.person()
    service.mailbox.newest(person.address)
    person.call("PUT", "/auth/me/password", {"current": PASSWORD, "new": NEW})
    assert "password" in service.mailbox.newest(person.address, number=2)
    former = person.address
    person.call("PATCH", "/auth/me", {"email": f"new-{former}", "password": NEW})
    assert "another address" in service.mailbox.newest(former, number=3)


@pytest.mark.parametrize("kind", ["login", "user"])
def test_a_ticket_of_who_was_revoked_opens_nothing(service: Service, kind: str) -> None:
    """Whoever took it before, or just after, when not everybody had heard yet."""
    person = service.person()
    ticket = person.call("POST", "/auth/ws-ticket").json()["ticket"]
    if kind == "login":
        person.call("POST", "/auth/logout")
    else:
        service.admin().call("PATCH", f"/admin/users/{person.id}", {"is_disabled": True})
    with service.client.websocket_connect(f"/ws?ticket={ticket}") as socket:
        assert socket.receive_json()["code"] in {"token_revoked", "unauthenticated"}
        assert socket.receive()["code"] == 4401


def test_an_application_may_begin_again(database_url: str) -> None:
    """As one does that is reloaded."""
    app = create_app(Settings.model_validate({"database_url": database_url, "demo": False}))
    for number in range(2):
        with Caller(app) as client:
            body = {"email": f"person{number}@example.com", "password": PASSWORD}
            assert client.post("/api/v1/auth/register", json=body).status_code == 201
