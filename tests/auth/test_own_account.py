"""What people change of their own account, and how they leave."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.auth.people import PASSWORD, Person, Service, code, sql
from tradeapi.database import Base

NEW = "another horse battery"


def test_one_sees_oneself(service: Service) -> None:
    """With a login or a key; and nothing of the password."""
    person = service.person()
    me = person.get("/auth/me")
    assert me["id"] == person.id
    assert set(me) == {
        *("id", "email", "role", "scopes", "is_disabled", "verified_at", "created_at", "version")
    }


def test_an_address_can_be_changed(service: Service) -> None:
    """It has to be verified anew, and is the one to log in with."""
    person = service.person()
    service.client.post(
        "/api/v1/auth/email/verify", json={"token": service.mailbox.token(person.address)}
    )
    assert person.get("/auth/me")["verified_at"] == service.clock.now()
    former, person.address = person.address, f"new-{person.address}"
    body = {"email": person.address.upper(), "password": PASSWORD}
    answer = person.call("PATCH", "/auth/me", body)
    assert answer.status_code == 200
    assert answer.json()["email"] == person.address
    assert answer.json()["verified_at"] is None
    person.log_in()
    assert Person(service.client, former).try_log_in().status_code == 401
    assert service.mailbox.token(person.address)


def test_an_address_of_somebody_else_is_not_taken_over(service: Service) -> None:
    """And without the password none is."""
    person, other = service.person(), service.person()
    body = {"email": other.address.upper(), "password": PASSWORD}
    answer = person.call("PATCH", "/auth/me", body)
    assert (answer.status_code, code(answer)) == (409, "email_taken")
    body = {"email": "free@example.com", "password": "wrong"}
    answer = person.call("PATCH", "/auth/me", body)
    assert (answer.status_code, code(answer)) == (422, "wrong_password")
    assert person.get("/auth/me")["email"] == person.address


def test_a_link_to_the_former_address_is_no_good_any_more(service: Service) -> None:
    """Else it would verify the new one, to which no mail ever came."""
    person = service.person()
    link = service.mailbox.token(person.address)
    body = {"email": f"new-{person.address}", "password": PASSWORD}
    assert person.call("PATCH", "/auth/me", body).status_code == 200
    answer = service.client.post("/api/v1/auth/email/verify", json={"token": link})
    assert (answer.status_code, code(answer)) == (422, "bad_link")
    assert person.get("/auth/me")["verified_at"] is None


def test_a_new_password_ends_all_other_logins(service: Service) -> None:
    """And keeps the one it was changed from."""
    person = service.person()
    phone = person.elsewhere()
    body = {"current": PASSWORD, "new": NEW}
    assert person.call("PUT", "/auth/me/password", body).status_code == 204
    assert person.is_in()
    person.refresh()
    assert not phone.is_in()
    assert phone.try_refresh().status_code == 401
    assert person.try_log_in().status_code == 401
    assert person.try_log_in(NEW).status_code == 200


def test_no_login_with_the_former_password_outlives_the_change(service: Service) -> None:
    """Not one that began while it was changed, either."""
    living = (
        "SELECT count(*) FROM logins JOIN users ON users.id = user_id "
        "WHERE email = :address AND ended_at IS NULL"
    )
    for _ in range(3):
        person = service.person()
        body = {"current": PASSWORD, "new": NEW}
        with ThreadPoolExecutor(7) as threads:
            logins = [threads.submit(person.try_log_in) for _ in range(3)]
            change = threads.submit(person.call, "PUT", "/auth/me/password", body)
            logins += [threads.submit(person.try_log_in) for _ in range(3)]
        assert change.result().status_code == 204
        assert {login.result().status_code for login in logins} <= {200, 401, 429}
        assert sql(service.url, living, address=person.address)[0][0] == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"current": "wrong", "new": NEW}, "wrong_password"),
        ({"current": PASSWORD, "new": "short"}, "weak_password"),
        ({"current": PASSWORD, "new": "password1"}, "weak_password"),
        ({"current": PASSWORD}, "invalid_field"),
    ],
)
def test_a_password_is_not_changed_to_a_weak_one_or_by_a_stranger(
    service: Service, body: dict[str, str], expected: str
) -> None:
    """Who finds an open browser does not know the password."""
    person = service.person()
    phone = person.elsewhere()
    answer = person.call("PUT", "/auth/me/password", body)
    assert (answer.status_code, code(answer)) == (422, expected)
    assert phone.is_in()
    person.log_in()


def test_who_leaves_leaves_nothing_but_the_record(service: Service) -> None:
    """Logins, keys and tickets go; tokens and keys are refused at once; the audit log stays."""
    person = service.person()
    key = person.key()
    person.call("POST", "/auth/ws-ticket")
    uid = sql(service.url, "SELECT id FROM users WHERE email = :e", e=person.address)[0][0]
    used = person.client.get("/api/v1/symbols", headers={"x-api-key": key["key"]})
    assert used.status_code == 200
    assert person.call("DELETE", "/auth/me", {"password": "wrong"}).status_code == 422
    assert person.call("DELETE", "/auth/me", {"password": PASSWORD}).status_code == 204
    assert not person.is_in()
    assert person.try_refresh().status_code == 401
    assert person.try_log_in().status_code == 401
    used = person.client.get("/api/v1/symbols", headers={"x-api-key": key["key"]})
    assert used.status_code == 401
    tables = {table.name for table in Base.metadata.tables.values() if "user_id" in table.c}
    assert {"logins", "api_keys", "tickets"} <= tables
    for table in tables:
        assert not sql(service.url, f"SELECT 1 FROM {table} WHERE user_id = :id", id=uid)  # noqa: S608  a constant
    orphans = "SELECT 1 FROM refresh_tokens WHERE login_id NOT IN (SELECT id FROM logins)"
    assert not sql(service.url, orphans)
    record = "SELECT action FROM audit WHERE target = :id ORDER BY id"
    actions = [action for (action,) in sql(service.url, record, id=person.id)]
    assert actions[0] == "user.create"
    assert actions[-1] == "user.delete"
    assert person.register().status_code == 201


def test_the_last_admin_stays(serve: Callable[..., Service]) -> None:
    """The user dev of an open service is none: nobody can log in as dev."""
    service = serve()
    admin, other = service.admin(), service.admin()
    insert = (
        "INSERT INTO users (id, email, role, scopes, is_disabled, created_at, version) "
        "VALUES (:id, 'dev', 'admin', 'read', false, 0, 1)"
    )
    sql(service.url, insert, id="0" * 32)
    assert other.call("DELETE", "/auth/me", {"password": PASSWORD}).status_code == 204
    answer = admin.call("DELETE", "/auth/me", {"password": PASSWORD})
    assert (answer.status_code, code(answer)) == (409, "last_admin")
    assert admin.is_in()
