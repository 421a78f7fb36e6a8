"""API keys: for programs, shown once, never more than their owner."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import httpx2
import pytest

from tests.auth.people import (
    NOON,
    Person,
    Service,
    at_once,
    bearer,
    code,
    eventually,
    everything_stored,
    serving,
    sql,
)

DAY = 86_400.0
KEYS = "/auth/api-keys"
PATH = "/api/v1/symbols"
FORMER = "the former secret of the tests, which is long enough"
SECRET = "the new secret of the tests, which is long enough too"  # noqa: S105


def use(service: Service, key: str, path: str = PATH) -> httpx2.Response:
    return service.client.get(path, headers={"x-api-key": key})


def revoke(service: Service, kind: str, id: str, at: float) -> None:
    """As another process does: it tells in the database."""
    news = "INSERT INTO revocations (kind, subject, at) VALUES (:kind, :subject, :at)"
    subject = UUID(id).hex if service.url.startswith("sqlite") else UUID(id)
    sql(service.url, news, kind=kind, subject=subject, at=at)


def test_a_key_is_shown_once(service: Service) -> None:
    """Its owner sees later which it is, and nobody sees what it is."""
    person = service.person()
    answer = person.call("POST", KEYS, {"name": "feed 🐎"})
    assert answer.headers["cache-control"] == "no-store"
    key = answer.json()
    text = key.pop("key")
    assert text.startswith(f"tk_{key['prefix']}_")
    assert person.get(KEYS) == {"items": [key]}
    assert key["scopes"] == ["read"]
    assert text.rpartition("_")[2] not in everything_stored(service.url)


@pytest.mark.parametrize(
    "sent", [lambda key: {"x-api-key": key}, bearer, lambda key: {"authorization": f"bearer {key}"}]
)
def test_a_key_is_sent_in_its_header_or_as_a_bearer(
    service: Service, sent: Callable[[str], dict[str, str]]
) -> None:
    """Some libraries can do only the one."""
    headers = sent(service.person().key()["key"])
    assert service.client.get(PATH, headers=headers).status_code == 200


def test_a_key_can_do_what_it_was_made_for(service: Service) -> None:
    """And no more, whatever its owner may do."""
    admin = service.admin()
    reader, ruler = admin.key()["key"], admin.key(scopes=["admin", "read"])["key"]
    users = "/api/v1/admin/users"
    answer = use(service, reader, users)
    assert (answer.status_code, code(answer)) == (403, "insufficient_scope")
    assert use(service, ruler, users).status_code == 200


@pytest.mark.parametrize("scope", ["ingest", "admin"])
def test_nobody_makes_a_key_that_can_do_more(service: Service, scope: str) -> None:
    """Than the login that makes it."""
    person = service.person()
    answer = person.call("POST", KEYS, {"name": "x", "scopes": ["read", scope]})
    assert (answer.status_code, code(answer)) == (403, "insufficient_scope")
    person.log_in(scope="write")
    answer = person.call("POST", KEYS, {"name": "x", "scopes": ["read"]})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"name": "a\0b"},
        {"scopes": []},
        {"scopes": ["root"]},
        {"expires_in_days": 0},
        {"user_id": str(uuid4())},
    ],
)
def test_a_wrong_wish_is_refused(service: Service, fields: dict[str, object]) -> None:
    """Before anything is made."""
    person = service.person()
    assert person.call("POST", KEYS, {"name": "x", **fields}).status_code == 422
    assert person.get(KEYS) == {"items": []}


def test_a_key_takes_over_no_account(service: Service) -> None:
    """What leaks more easily than a password does less."""
    person = service.person()
    person.access = person.key(scopes=["read", "write"])["key"]
    assert person.is_in()
    for method, path, body in (
        ("POST", KEYS, {"name": "another"}),
        ("GET", KEYS, None),
        ("GET", "/auth/sessions", None),
        ("POST", "/auth/logout", None),
        ("PUT", "/auth/me/password", {"current": "x", "new": "y"}),
        ("DELETE", "/auth/me", {"password": "x"}),
        ("PATCH", "/auth/me", {"email": "x@example.com", "password": "x"}),
    ):
        answer = person.call(method, path, body)
        assert (answer.status_code, code(answer)) == (403, "login_required"), path


def test_there_are_so_many_keys_and_no_more(serve: Callable[..., Service]) -> None:
    """Also of those that are made at the same time; a revoked one makes room."""
    service = serve(api_keys_per_user=1)
    for _ in range(5):
        person = service.person()
        answers = at_once(8, partial(person.call, "POST", KEYS, {"name": "x"}))
        assert sorted(answer.status_code for answer in answers) == [201] + [403] * 7
        refused = {code(answer) for answer in answers if answer.status_code == 403}
        assert refused == {"quota_api_keys"}
    person.call("DELETE", f"{KEYS}/{person.get(KEYS)['items'][0]['id']}")
    person.key()


def test_a_key_expires(service: Service) -> None:
    """On its day; its owner still sees it."""
    person = service.person()
    key = person.key(expires_in_days=2)
    assert key["expires_at"] == service.clock.now() + 2 * DAY
    service.clock.time += 2 * DAY - 1
    assert use(service, key["key"]).status_code == 200
    service.clock.time += 1
    answer = use(service, key["key"])
    assert (answer.status_code, code(answer)) == (401, "key_expired")


def test_a_revoked_key_is_refused_at_once(service: Service) -> None:
    """Also where it was just used; and it is gone from the list."""
    person = service.person()
    key, other = person.key(), person.key()
    assert use(service, key["key"]).status_code == 200
    assert person.call("DELETE", f"{KEYS}/{key['id']}").status_code == 204
    assert use(service, key["key"]).status_code == 401
    assert use(service, other["key"]).status_code == 200
    assert [item["id"] for item in person.get(KEYS)["items"]] == [other["id"]]
    assert person.call("DELETE", f"{KEYS}/{key['id']}").status_code == 404


def test_a_revocation_by_another_process_is_seen(service: Service) -> None:
    """Within seconds; the database tells it."""
    key = service.person().key()
    assert use(service, key["key"]).status_code == 200
    revoke(service, "key", key["id"], service.clock.now())
    for _ in eventually():
        if use(service, key["key"]).status_code == 401:
            break


def test_the_keys_of_others_are_not_there(service: Service) -> None:
    """Not even for an admin; 404 and not 403."""
    key = service.person().key()
    for somebody in (service.person(), service.admin()):
        answers = [somebody.call("DELETE", f"{KEYS}/{id}") for id in (key["id"], uuid4())]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].json()["detail"] == answers[1].json()["detail"]
    assert use(service, key["key"]).status_code == 200


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: key[:-1],
        lambda key: key[:-1] + ("a" if key[-1] != "a" else "b"),
        lambda key: key.upper(),
        lambda key: f"tk_{'0' * 8}_{key[12:]}",
        lambda _: "tk_",
        lambda _: "",
        lambda _: "\xff" * 40,
    ],
)
def test_what_is_no_key_is_refused(service: Service, spoil: Callable[[str], str]) -> None:
    """With a 401, whatever it is."""
    text = spoil(service.person().key()["key"])
    answer = service.client.get(PATH, headers=[(b"x-api-key", text.encode("latin-1"))])
    assert answer.status_code == 401


def test_a_disabled_user_has_no_keys(service: Service) -> None:
    """At once where it is done; enabled, the keys are good again."""
    admin, person = service.admin(), service.person()
    key = person.key()["key"]
    assert use(service, key).status_code == 200
    for is_disabled, status in ((True, 401), (False, 200)):
        service.clock.time += 1
        body = {"is_disabled": is_disabled}
        assert admin.call("PATCH", f"/admin/users/{person.id}", body).status_code == 200
        service.clock.time += 1
        assert use(service, key).status_code == status


def test_a_change_that_was_being_committed_is_not_overlooked(service: Service) -> None:
    """A key that was looked up meanwhile is looked up again, and has what it has now."""
    person = service.person()
    key = person.key()["key"]
    began = service.clock.now()
    service.clock.time += 1
    assert use(service, key).status_code == 200
    service.grant(person, "write")
    revoke(service, "user", person.id, began)
    for _ in eventually():
        service.clock.time += 0.1
        if use(service, key).status_code == 403:
            break
    service.clock.time += 10
    assert use(service, key).status_code == 403


def test_use_is_noted_without_a_write_for_each(database_url: str, tmp_path: Path) -> None:
    """In memory, and written now and then; at the latest when the service stops."""
    with serving(database_url, tmp_path) as service:
        key = service.person().key()["key"]
        for _ in range(3):
            service.clock.time += 10
            assert use(service, key).status_code == 200
        assert sql(database_url, "SELECT used_at FROM api_keys")[0][0] is None
    assert sql(database_url, "SELECT used_at FROM api_keys")[0][0] == NOON + 30


def test_a_new_secret_logs_nobody_out(database_url: str, tmp_path: Path) -> None:
    """As long as the former one is listed; after that keys and tokens are worth nothing."""
    with serving(database_url, tmp_path, secret_key=FORMER) as service:
        person = service.person()
        former = person.key()["key"]
        with_former = person.access
    with serving(
        database_url, tmp_path, secret_key=SECRET, previous_secret_keys=[FORMER]
    ) as service:
        again = Person(service.client, person.address)
        again.access = with_former
        assert again.is_in()
        assert use(service, former).status_code == 200
        again.log_in()
        newer = again.key()["key"]
    with serving(database_url, tmp_path, secret_key=SECRET) as service:
        again.client = service.client
        assert again.is_in()
        assert use(service, newer).status_code == 200
        again.access = with_former
        assert not again.is_in()
        assert use(service, former).status_code == 401
