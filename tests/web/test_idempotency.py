"""A POST that comes with a key is carried out once: whose keys they are, and what they are for."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import APIRouter

from tests.web.idempotency_callers import (
    BODY,
    EXCHANGE,
    KEYS,
    REPLAYED,
    Caller,
    count,
    log_in,
    outcome,
    rows,
    served,
    with_api_key,
)
from tests.web.idempotency_probe import Stage, application
from tradeapi.settings import Settings
from tradeapi.web.dependencies import ReaderDep, SessionDep
from tradeapi.web.idempotency import Idempotent


@pytest.fixture
def caller(database_url: str) -> Iterator[Caller]:
    """Somebody who is logged in, on SQLite and on PostgreSQL."""
    with served(database_url) as caller:
        yield caller


def test_the_same_request_gets_the_same_answer(caller: Caller, database_url: str) -> None:
    """With its status, its body and its headers; and what it made is made once."""
    first, second = caller.post(), caller.post()
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    for name in ("content-type", "content-length", "etag", "location"):
        assert first.headers[name] == second.headers[name]
    assert REPLAYED not in first.headers
    assert second.headers[REPLAYED] == "true"
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert count(database_url, "exchanges") == 1


def test_an_answer_without_a_body(caller: Caller, database_url: str) -> None:
    """Its status is enough."""
    assert [caller.post("/probe/others/a").status_code for _ in range(2)] == [204, 204]
    assert count(database_url, "exchanges") == 1


def test_without_a_key_nothing_is_kept(caller: Caller, database_url: str) -> None:
    """Each is a request of its own."""
    first, second = caller.post(key=None), caller.post(key=None)
    assert first.content != second.content
    assert count(database_url, "exchanges") == 2
    assert count(database_url, "kept_answers") == 0


def test_a_new_api_key_is_made_once(caller: Caller, database_url: str) -> None:
    """Who has lost the answer gets the key all the same; no cache on the way keeps either."""
    first, second = caller.post(KEYS), caller.post(KEYS)
    assert first.status_code == 201
    assert first.json() == second.json()
    assert second.headers["cache-control"] == "no-store"
    assert count(database_url, "api_keys") == 1
    assert count(database_url, "audit WHERE action = 'api_key.create'") == 1


def test_the_database_does_not_tell_the_secret(caller: Caller, database_url: str) -> None:
    """Not the answer, and not the caller's own key either."""
    answer = caller.post(KEYS, key="my-own-key").json()
    values = [value for row in rows(database_url, "SELECT * FROM kept_answers") for value in row]
    dump = b"".join(one if isinstance(one, bytes) else str(one).encode() for one in values)
    assert dump
    for secret in (answer["key"], answer["prefix"], answer["id"], "my-own-key"):
        assert secret.encode() not in dump


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (EXCHANGE, b'{"name":"feed"}'),
        (EXCHANGE, b""),
        ("/probe/exchanges/b", BODY),
        (f"{EXCHANGE}?a=1", BODY),
    ],
)
def test_a_key_is_for_one_request(
    caller: Caller, database_url: str, path: str, body: bytes
) -> None:
    """Another body, path or query with it is a mistake."""
    caller.post()
    assert outcome(caller.post(path, body=body)) == (422, "idempotency_mismatch")
    assert count(database_url, "exchanges") == 1
    assert caller.post().headers[REPLAYED] == "true"


def test_each_route_has_keys_of_its_own(caller: Caller, database_url: str) -> None:
    """One key for several steps is no mistake."""
    assert caller.post().status_code == 201
    assert REPLAYED not in caller.post("/probe/others/a").headers
    assert count(database_url, "exchanges") == 2


def test_each_user_has_keys_of_their_own(caller: Caller, database_url: str) -> None:
    """Somebody else's answer is nobody's business."""
    other = log_in(caller.client, "eve@example.com")
    first, second = caller.post(), other.post()
    assert first.json() != second.json()
    assert REPLAYED not in second.headers
    assert count(database_url, "exchanges") == 2


def test_a_user_has_the_same_keys_in_every_way(caller: Caller, database_url: str) -> None:
    """Logged in again, or with an API key."""
    programs = [with_api_key(caller, "write"), with_api_key(caller, "write")]
    answers = [one.post().json() for one in (caller, log_in(caller.client), *programs)]
    assert answers == [answers[0]] * 4
    assert count(database_url, "exchanges") == 1


def test_who_may_not_ask_is_not_answered_again(caller: Caller) -> None:
    """A key that may only read learns nothing; and none learns of another what takes a login."""
    caller.post()
    caller.post(KEYS)
    assert outcome(with_api_key(caller, "read").post()) == (403, "insufficient_scope")
    assert outcome(with_api_key(caller, "write").post(KEYS)) == (403, "login_required")


def test_callers_who_are_not_known_have_no_keys(caller: Caller, database_url: str) -> None:
    """They would share them. What takes a login takes it first, whatever the key is."""
    nobody = Caller(caller.client, {})
    first, second = nobody.post("/probe/open"), nobody.post("/probe/open")
    assert first.json() != second.json()
    assert nobody.post("/probe/open", key=b"\xff").status_code == 200
    assert count(database_url, "kept_answers") == 0
    assert outcome(nobody.post()) == (401, "unauthenticated")


@pytest.mark.parametrize("key", [b"", b"a b", b"\xe9", b"\x7f", b"a\tb", b"k" * 256])
def test_a_key_that_is_none(caller: Caller, database_url: str, key: bytes) -> None:
    """1 to 255 visible ASCII characters."""
    answer = caller.post(key=key)
    assert outcome(answer) == (422, "invalid_field")
    assert answer.json()["errors"][0]["pointer"] == "/header/idempotency-key"
    assert count(database_url, "exchanges") == 0


@pytest.mark.parametrize("key", ["!", '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "~" * 255])
def test_a_key_may_be_any_visible_text(caller: Caller, key: str) -> None:
    """With the quotes of a structured header too."""
    assert caller.post(key=key).status_code == 201
    assert caller.post(key=key).headers[REPLAYED] == "true"


async def _with_session(session: SessionDep) -> None: ...


async def _with_reader(raw: ReaderDep) -> None: ...


def _not_async(session: SessionDep) -> None: ...


@pytest.mark.parametrize(
    ("method", "endpoint"), [("POST", _with_reader), ("GET", _with_session), ("POST", _not_async)]
)
def test_a_route_that_could_not_keep_its_promise(method: str, endpoint: Callable[..., Any]) -> None:
    """It is refused where it is declared, so that no process starts with it."""
    router = APIRouter(route_class=Idempotent)
    with pytest.raises(TypeError, match="/a is not idempotent"):
        router.add_api_route("/a", endpoint, methods=[method])


def test_the_key_is_documented() -> None:
    """On routes that take it, beside what else they take, and on no other."""
    paths = application(Settings(demo=False), Stage()).openapi()["paths"]
    (parameter,) = paths[KEYS]["post"]["parameters"]
    assert (parameter["name"], parameter["required"]) == ("Idempotency-Key", False)
    assert {"201", "401", "403", "409", "422"} <= paths[KEYS]["post"]["responses"].keys()
    assert "parameters" not in paths[KEYS]["get"]
    probe = paths["/probe/exchanges/{name}"]["post"]
    assert [one["name"] for one in probe["parameters"]] == ["name", "x-fault", "Idempotency-Key"]
