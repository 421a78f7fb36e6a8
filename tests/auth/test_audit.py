"""The record of who did what."""

import pytest

from tests.auth.people import PASSWORD, PROXY, Service, code, pages


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


def test_the_record_of_one_target(service: Service) -> None:
    """Exactly that, whoever did it."""
    admin, person = service.admin(), service.person()
    admin.call("PATCH", f"/admin/users/{person.id}", {"is_disabled": True})
    found = admin.get(f"/admin/audit?target={person.id}")["items"]
    assert found[0]["action"] == "user.change"
    assert {entry["actor"] for entry in found} == {admin.id, person.id}
    assert {entry["target"] for entry in found} == {person.id}
    assert admin.get(f"/admin/audit?target={person.id[:-1]}")["items"] == []


def test_the_record_of_a_time(service: Service) -> None:
    """With the instant `since`, and without the instant `until`."""
    admin, person = service.admin(), service.person()
    noon = service.clock.now()
    for _ in range(3):
        service.clock.time += 10
        person.log_in()
    path = f"/admin/audit?actor={person.id}"

    def times(query: str) -> list[float]:
        return [entry["at"] - noon for entry in admin.get(path + query)["items"]]

    assert times(f"&since={noon + 10}") == [30, 20, 10]
    assert times(f"&since={noon + 10}&until={noon + 30}") == [20, 10]
    assert times(f"&action=login&until={noon + 10.5}") == [10, 0]
    assert times(f"&since={noon + 20}&until={noon + 20}") == []


@pytest.mark.parametrize("other", ["", "target=other", "since=1", "until=1", "action=login"])
def test_a_cursor_is_for_the_filters_it_was_handed_out_with(service: Service, other: str) -> None:
    """With others it opens nothing."""
    admin, person = service.admin(), service.person()
    person.log_in()
    filters = f"limit=1&target={person.id}"
    cursor = admin.get(f"/admin/audit?{filters}")["next_cursor"]
    assert admin.get(f"/admin/audit?{filters}&cursor={cursor}")["items"]
    filters = f"{filters}&{other}" if "target" not in other and other else f"limit=1&{other}"
    answer = admin.call("GET", f"/admin/audit?{filters}&cursor={cursor}")
    assert (answer.status_code, code(answer)) == (422, "bad_cursor")


@pytest.mark.parametrize("query", ["since=nan", "until=-inf", "since=today", "target=%00"])
def test_what_no_entry_can_be_is_refused(service: Service, query: str) -> None:
    """Before a database has to."""
    assert service.admin().call("GET", f"/admin/audit?{query}").status_code == 422


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nobody_changes_the_record(service: Service, method: str) -> None:
    """There is no way to."""
    admin = service.admin()
    assert admin.call(method, "/admin/audit", {}).status_code == 405
    id = admin.get("/admin/audit?limit=1")["items"][0]["id"]
    assert admin.call(method, f"/admin/audit/{id}", {}).status_code == 404
