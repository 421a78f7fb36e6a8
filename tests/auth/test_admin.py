"""What admins see and change, and that nobody else does."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tests.auth.people import PASSWORD, Service, code, pages, sql


def test_users_are_listed_in_pages(serve: Callable[..., Service]) -> None:
    """Each once, in the order in which they came."""
    service = serve()
    admin = service.admin()
    expected = [admin.id, *(service.person().id for _ in range(4))]
    found = [[user["id"] for user in page] for page in pages(admin, "/admin/users?limit=2")]
    assert found == [expected[:2], expected[2:4], expected[4:]]
    assert "password_hash" not in admin.get("/admin/users")["items"][0]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=501", "cursor=x", "cursor=%00", "actor=x", "action=%00", "action=A'--"],
)
def test_a_wrong_query_is_refused(service: Service, query: str) -> None:
    """It is a 422 on every database."""
    admin = service.admin()
    assert admin.call("GET", f"/admin/audit?{query}").status_code == 422


def test_a_cursor_opens_its_own_list_only(service: Service) -> None:
    """With the same filters."""
    admin = service.admin()
    service.person()
    cursor = admin.get("/admin/users?limit=1")["next_cursor"]
    answer = admin.call("GET", f"/admin/audit?cursor={cursor}")
    assert (answer.status_code, code(answer)) == (422, "bad_cursor")


def test_a_user_is_changed_as_he_was_read(service: Service) -> None:
    """Who has read an older version is told."""
    admin, person = service.admin(), service.person()
    path = f"/admin/users/{person.id}"
    read = admin.call("GET", path)
    assert read.json()["email"] == person.address
    etag = {"if-match": read.headers["etag"]}
    changed = admin.call("PATCH", path, {"scopes": ["read", "ingest"]}, headers=etag)
    assert changed.status_code == 200
    assert changed.json()["scopes"] == ["read", "ingest"]
    assert changed.headers["etag"] != read.headers["etag"]
    answer = admin.call("PATCH", path, {"is_disabled": True}, headers=etag)
    assert (answer.status_code, code(answer)) == (412, "stale_version")
    assert admin.get(path)["is_disabled"] is False


def test_a_change_of_their_own_is_a_version_too(service: Service) -> None:
    """Of the password, for example."""
    admin, person = service.admin(), service.person()
    path = f"/admin/users/{person.id}"
    before = admin.get(path)["version"]
    body = {"current": PASSWORD, "new": "another horse battery"}
    assert person.call("PUT", "/auth/me/password", body).status_code == 204
    assert admin.get(path)["version"] == before + 1


@pytest.mark.parametrize("body", [{"role": "root"}, {"scopes": ["root"]}, {"email": "x@y.de"}])
def test_a_wrong_change_is_refused(service: Service, body: dict[str, object]) -> None:
    """As a whole."""
    admin, person = service.admin(), service.person()
    assert admin.call("PATCH", f"/admin/users/{person.id}", body).status_code == 422


def test_there_is_no_user_with_another_id(service: Service) -> None:
    """Nor a key."""
    admin = service.admin()
    assert admin.call("GET", f"/admin/users/{uuid4()}").status_code == 404
    assert admin.call("PATCH", f"/admin/users/{uuid4()}", {}).status_code == 404
    assert admin.call("PUT", f"/admin/api-keys/{uuid4()}/rate", {"rate": 5}).status_code == 404


def test_a_disabled_user_is_out_at_once(service: Service) -> None:
    """And in again with the password, once enabled: tokens of before stay worthless."""
    admin, person = service.admin(), service.person()
    path = f"/admin/users/{person.id}"
    assert admin.call("PATCH", path, {"is_disabled": True}).status_code == 200
    assert not person.is_in()
    assert person.try_refresh().status_code == 401
    assert person.try_log_in().status_code == 401
    assert admin.call("PATCH", path, {"is_disabled": False}).status_code == 200
    service.clock.time += 1
    assert not person.is_in()
    assert person.try_refresh().status_code == 401
    person.log_in()
    assert person.is_in()


def test_new_scopes_need_a_new_token(service: Service) -> None:
    """A refresh has them; of a login that may less, no more than that."""
    admin, person = service.admin(), service.person()
    person.log_in()
    body = {"scopes": ["read"]}
    assert admin.call("PATCH", f"/admin/users/{person.id}", body).status_code == 200
    answer = person.call("GET", "/auth/me")
    assert (answer.status_code, code(answer)) == (401, "token_revoked")
    service.clock.time += 1
    person.refresh()
    assert person.is_in()
    assert person.call("POST", "/auth/api-keys", {"name": "x"}).status_code == 403


def test_a_key_has_no_scope_that_its_owner_lost(service: Service) -> None:
    """And has it again with him."""
    admin, person = service.admin(), service.person()
    key = {"x-api-key": person.key(scopes=["read"])["key"]}
    for scopes, status in ((["write"], 403), (["read"], 200)):
        service.clock.time += 1
        admin.call("PATCH", f"/admin/users/{person.id}", {"scopes": scopes})
        service.clock.time += 1
        assert service.client.get("/api/v1/symbols", headers=key).status_code == status


def test_an_admin_loses_what_made_him_one(service: Service) -> None:
    """With his token."""
    admin, other = service.admin(), service.admin()
    assert admin.call("PATCH", f"/admin/users/{other.id}", {"role": "user"}).status_code == 200
    assert other.call("GET", "/admin/users").status_code == 401
    service.clock.time += 1
    other.refresh()
    assert other.call("GET", "/admin/users").status_code == 403


def test_two_admins_do_not_remove_each_other(serve: Callable[..., Service]) -> None:
    """At the same time: one is first, and neither waits for ever."""
    service = serve()
    for _ in range(4):
        one, two = service.admin(), service.admin()
        sql(service.url, "UPDATE users SET role = 'user'")
        for admin in (one, two):
            sql(service.url, "UPDATE users SET role = 'admin' WHERE email = :e", e=admin.address)
        with ThreadPoolExecutor(2) as threads:
            calls = [
                threads.submit(each.call, "PATCH", f"/admin/users/{other.id}", {"role": "user"})
                for each, other in ((one, two), (two, one))
            ]
        statuses = sorted(call.result().status_code for call in calls)
        assert statuses in ([200, 401], [200, 409]), statuses
        assert sql(service.url, "SELECT count(*) FROM users WHERE role = 'admin'")[0][0] == 1
        service.clock.time += 1


@pytest.mark.parametrize("body", [{"role": "user"}, {"is_disabled": True}])
def test_the_last_admin_stays_one(serve: Callable[..., Service], body: dict[str, object]) -> None:
    """A disabled admin is none."""
    service = serve()
    admin, other = service.admin(), service.admin()
    admin.call("PATCH", f"/admin/users/{other.id}", {"is_disabled": True})
    answer = admin.call("PATCH", f"/admin/users/{admin.id}", body)
    assert (answer.status_code, code(answer)) == (409, "last_admin")
    assert admin.is_in()


def test_a_key_may_be_given_its_own_rate(service: Service) -> None:
    """Known everywhere within a minute; and nobody is logged out for it."""
    admin, person = service.admin(), service.person()
    key = person.key()
    headers = {"x-api-key": key["key"]}
    path = f"/admin/api-keys/{key['id']}/rate"
    for rate, policy in ((7, '"user";q=7;w=60'), (None, '"user";q=1000000;w=60')):
        assert admin.call("PUT", path, {"rate": rate}).status_code == 204
        service.clock.time += 61
        answer = service.client.get("/api/v1/symbols", headers=headers)
        assert answer.headers["ratelimit-policy"] == policy
        assert person.get("/auth/api-keys")["items"][0]["rate"] == rate
    assert person.is_in()
    assert admin.call("PUT", path, {"rate": 0}).status_code == 422
    assert person.call("PUT", path, {"rate": 100_000}).status_code == 403
