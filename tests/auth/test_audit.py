"""The record of who did what."""

import pytest

from tests.auth.people import PASSWORD, PROXY, Service, pages


def test_the_record_says_who_did_what(service: Service) -> None:
    """To what, from where, when, how it went, and in which request."""
    admin, person = service.admin(), service.person()
    body = {"scopes": ["read"]}
    answer = admin.call("PATCH", f"/admin/users/{person.id}", body, headers={"user-agent": "test"})
    entry = admin.get(f"/admin/audit?actor={admin.id}")["items"][0]
    assert entry.pop("id")
    assert entry == {
        "at": service.clock.now(),
        "actor": admin.id,
        "action": "user.change",
        "target": person.id,
        "outcome": "user:read:enabled",
        "address": PROXY,
        "agent": "test",
        "request_id": answer.headers["x-request-id"],
    }


def test_the_record_has_what_matters(service: Service) -> None:
    """Of a whole life, the newest first."""
    admin, person = service.admin(), service.person()
    person.try_log_in("wrong")
    key = person.key()
    person.call("DELETE", f"/auth/api-keys/{key['id']}")
    person.call("PUT", "/auth/me/password", {"current": "wrong", "new": PASSWORD})
    person.call("POST", "/auth/logout")
    person.log_in()
    person.call("DELETE", "/auth/me", {"password": PASSWORD})
    own = admin.get(f"/admin/audit?actor={person.id}")["items"]
    assert [(entry["action"], entry["outcome"]) for entry in own] == [
        ("user.delete", "done"),
        ("login", "done"),
        ("login.end", "done"),
        ("password.change", "wrong_password"),
        ("api_key.revoke", "done"),
        ("api_key.create", "done"),
        ("login", "done"),
        ("user.create", "done"),
    ]
    refused = admin.get("/admin/audit?action=login")["items"]
    # Who was refused is nobody; whom it was tried on is the target.
    assert (person.id, None, "refused") in {
        (entry["target"], entry["actor"], entry["outcome"]) for entry in refused
    }


def test_the_record_is_read_in_pages(service: Service) -> None:
    """With filters; nothing twice, nothing missing."""
    admin, person = service.admin(), service.person()
    for _ in range(4):
        person.log_in()
    path = f"/admin/audit?action=login&actor={person.id}"
    whole = admin.get(path)["items"]
    found = [*pages(admin, f"{path}&limit=2")]
    assert [len(page) for page in found] == [2, 2, 1]
    assert [entry for page in found for entry in page] == whole
    assert {entry["action"] for entry in whole} == {"login"}
    assert admin.get("/admin/audit?action=no.such")["items"] == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nobody_changes_the_record(service: Service, method: str) -> None:
    """There is no way to."""
    admin = service.admin()
    assert admin.call(method, "/admin/audit", {}).status_code == 405
    id = admin.get("/admin/audit?limit=1")["items"][0]["id"]
    assert admin.call(method, f"/admin/audit/{id}", {}).status_code == 404
