"""Tokens for clients that can send no headers: good below one address, and for nothing else."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from starlette.testclient import WebSocketDenialResponse

from tests.auth import charting
from tests.auth.people import (
    NOON,
    PASSWORD,
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
from tests.auth.test_api_keys import revoke
from tradeapi.auth.guesses import MOST
from tradeapi.security.api_keys import PathToken

DAY = 86_400.0
TOKENS = "/auth/path-tokens"
UDF, STORAGE = "/udf/{}/probe", "/udf-storage/{}/1.1/probe"


@pytest.fixture(scope="module")
def charts(service: Service) -> Service:
    """With routes below the addresses."""
    charting.add_to(service.app)
    return service


def use(service: Service, address: str, token: str, method: str = "GET") -> httpx2.Response:
    return service.client.request(method, address.format(token))


def told(answer: httpx2.Response) -> str:
    """Why something is refused below the addresses of tokens, where problems are told otherwise."""
    assert answer.headers["content-type"] == "application/json", answer.text
    body = answer.json()
    return str(body["errmsg"] if "errmsg" in body else body["message"])


def test_a_token_is_shown_once(service: Service) -> None:
    """Its owner sees later which it is, and nobody sees what it is."""
    person = service.person()
    answer = person.call("POST", TOKENS, {"name": "my chart 🐎", "kind": "udf"})
    assert answer.headers["cache-control"] == "no-store"
    token = answer.json()
    text = token.pop("token")
    assert text.startswith(f"tp_{token['prefix']}_")
    assert person.get(TOKENS) == {"items": [token]}
    assert token["expires_at"] is token["used_at"] is None
    assert text.rpartition("_")[2] not in everything_stored(service.url)


def test_a_repeated_wish_makes_one(service: Service) -> None:
    """And tells it again."""
    person = service.person()
    body, once = {"name": "x", "kind": "udf-storage"}, {"idempotency-key": "once"}
    first, second = (person.call("POST", TOKENS, body, headers=once) for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"
    assert len(person.get(TOKENS)["items"]) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"name": "a\0b"},
        {"kind": "ws"},
        {"kind": "UDF"},
        {"kind": None},
        {"expires_in_days": 0},
        {"scopes": ["admin"]},
        {"user_id": str(uuid4())},
    ],
)
def test_a_wrong_wish_is_refused(service: Service, fields: dict[str, object]) -> None:
    """Before anything is made."""
    person = service.person()
    answer = person.call("POST", TOKENS, {"name": "x", "kind": "udf", **fields})
    assert answer.status_code == 422
    assert person.get(TOKENS) == {"items": []}


def test_a_token_says_who_calls(charts: Service) -> None:
    """And what its kind may do; the route sees an address without it, and the user's limits."""
    person = charts.person()
    for kind, address, path, scopes in (
        ("udf", UDF, "/udf/probe", ["read"]),
        ("udf-storage", STORAGE, "/udf-storage/1.1/probe", ["read", "write"]),
    ):
        answer = use(charts, address + "?symbol=US:A", person.path_token(kind)["token"])
        assert answer.status_code == 200, answer.text
        url = f"http://testserver{path}?symbol=US:A"
        assert answer.json() == {"user": person.id, "scopes": scopes, "url": url}
        assert answer.headers["ratelimit-policy"].startswith('"user"')


def test_a_token_of_udf_only_reads(charts: Service) -> None:
    """One for layouts also writes; neither does what takes a login."""
    person = charts.person()
    token, storage = person.path_token()["token"], person.path_token("udf-storage")["token"]
    answer = use(charts, UDF, token, "POST")
    assert (answer.status_code, told(answer)) == (403, "This needs the scope write.")
    assert use(charts, STORAGE, storage, "POST").status_code == 200
    answer = use(charts, "/udf/{}/account", token)
    assert answer.status_code == 403
    assert "needs a login" in told(answer)


def test_a_token_is_good_in_its_place_only(charts: Service) -> None:
    """Not in the place of the other kind, not as a key, not as a bearer, and with no socket."""
    person = charts.person()
    token, storage = person.path_token()["token"], person.path_token("udf-storage")["token"]
    assert use(charts, UDF, token).status_code == 200
    assert use(charts, STORAGE, storage).status_code == 200
    assert use(charts, UDF, storage).status_code == 401
    assert use(charts, STORAGE, token).status_code == 401
    for text in (token, storage):
        for headers in (bearer(text), {"x-api-key": text}):
            for path in ("/api/v1/auth/me", "/udf/probe", "/udf-storage/1.1/probe"):
                assert charts.client.get(path, headers=headers).status_code == 401
        for query in (f"token={text}", f"ticket={text}", f"api_key={text}"):
            assert charts.client.get(f"/udf/probe?{query}").status_code == 401
        for path in (f"/{text}/udf/probe", f"/api/v1/auth/me/{text}", f"/udf/probe/{text}"):
            assert charts.client.get(path, headers=person.headers).status_code == 401
    key = person.key()["key"]
    assert charts.client.get(f"/udf/{key}/probe").status_code == 404


@pytest.mark.parametrize("path", ["/udf/{}/config", "/udf/{}/ws", "/ws/{}", "/udf-storage/{}/ws"])
def test_a_token_opens_no_socket(service: Service, path: str) -> None:
    """Good or bad, in its place or not."""
    token = service.person().path_token()["token"]
    for text in (token, f"{token}x"):
        with (
            pytest.raises(WebSocketDenialResponse) as refusal,
            service.client.websocket_connect(path.format(text)),
        ):
            pass
        assert refusal.value.status_code == 401


def test_a_token_on_a_stream_is_no_credential(service: Service) -> None:
    """In whatever way a socket takes one."""
    token = service.person().path_token()["token"]
    connect = service.client.websocket_connect
    for socket in (
        connect(f"/ws?ticket={token}"),
        connect("/ws", headers=bearer(token)),
        connect("/ws", headers={"x-api-key": token}),
        connect("/ws", subprotocols=["tradeapi.v1", f"bearer.{token}"]),
    ):
        with socket as open_socket:
            assert open_socket.receive_json()["code"] == "unauthenticated"
            assert open_socket.receive()["code"] == 4401
    with connect("/ws") as open_socket:
        assert open_socket.receive_json()["type"] == "hello"
        open_socket.send_json({"op": "auth", "id": 1, "token": token})
        assert open_socket.receive_json()["code"] == "unauthenticated"


def test_where_there_is_nothing_a_good_token_is_a_404(service: Service) -> None:
    """And a bad one a 401, whose body tells nothing of it."""
    token = service.person().path_token()["token"]
    answer = service.client.get(f"/udf/{token}/nowhere")
    assert (answer.status_code, told(answer)) == (404, "There is nothing at this address.")
    assert token not in answer.text
    typo = token[:-1] + ("a" if token[-1] != "a" else "b")
    unknown = PathToken.new().text
    for text in (typo, token[:-1], token + "x", unknown, "tp_", f"tp_{'0' * 8}_"):
        for path in (f"/udf/{text}/nowhere", f"/udf/{text}", f"/udf-storage/{text}/1.1/probe"):
            answer = service.client.get(path)
            assert answer.status_code == 401, path
            assert "no such path token" in told(answer)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert text not in answer.text


def test_the_token_counts_and_not_the_headers(charts: Service) -> None:
    """A client that has stored another login must not be somebody else by it."""
    person, other = charts.person(), charts.person()
    token = person.path_token()["token"]
    address = UDF.format(token)
    assert charts.client.get(address, headers=other.headers).json()["user"] == person.id
    bad = UDF.format(f"{token}x")
    assert charts.client.get(bad, headers=other.headers).status_code == 401


def test_an_open_service_takes_a_token_for_what_it_is(serve: Callable[..., Service]) -> None:
    """Its owner's, with the owner's limits; a bad one is refused as well."""
    service = serve(auth_required=False)
    charting.add_to(service.app)
    person = service.person()
    answer = use(service, UDF, person.path_token()["token"])
    assert answer.json()["user"] == person.id
    assert answer.headers["ratelimit-policy"].startswith('"user"')
    assert use(service, UDF, PathToken.new().text).status_code == 401
    assert service.client.get("/udf/probe").status_code == 200


def test_a_key_makes_no_tokens(service: Service) -> None:
    """Nor lists or revokes them, whatever it may do; nor does a token."""
    person = service.person()
    token = person.path_token()
    key = {"x-api-key": person.key(scopes=["read", "write"])["key"]}
    for method, path in (("POST", ""), ("GET", ""), ("DELETE", f"/{token['id']}")):
        body = {"name": "x", "kind": "udf"} if method == "POST" else None
        url = f"/api/v1{TOKENS}{path}"
        answer = service.client.request(method, url, json=body, headers=key)
        assert (answer.status_code, code(answer)) == (403, "login_required")
        answer = service.client.request(method, f"/udf/{token['token']}{url}", json=body)
        assert answer.status_code == 404


def test_nobody_makes_a_token_that_can_do_more(service: Service) -> None:
    """Than the login that makes it."""
    person = service.person()
    person.log_in(scope="write")
    answer = person.call("POST", TOKENS, {"name": "x", "kind": "udf"})
    assert (answer.status_code, code(answer)) == (403, "insufficient_scope")
    person.log_in(scope="read")
    assert person.call("POST", TOKENS, {"name": "x", "kind": "udf"}).status_code == 403


def test_a_token_does_not_outlive_what_its_owner_may_do(charts: Service) -> None:
    """What an admin takes is gone from it as well."""
    admin, person = charts.admin(), charts.person()
    storage = person.path_token("udf-storage")["token"]
    assert use(charts, STORAGE, storage, "POST").status_code == 200
    assert admin.call("PATCH", f"/admin/users/{person.id}", {"scopes": ["read"]}).is_success
    assert use(charts, STORAGE, storage, "POST").status_code == 403
    assert use(charts, STORAGE, storage).status_code == 200


def test_there_are_so_many_tokens_and_no_more(serve: Callable[..., Service]) -> None:
    """Also of those that are made at the same time; a revoked one makes room, a key needs none."""
    service = serve(path_tokens_per_user=1, api_keys_per_user=1)
    for _ in range(3):
        person = service.person()
        wish = {"name": "x", "kind": "udf"}
        answers = at_once(8, partial(person.call, "POST", TOKENS, wish))
        assert sorted(answer.status_code for answer in answers) == [201] + [403] * 7
        refused = {code(answer) for answer in answers if answer.status_code == 403}
        assert refused == {"quota_path_tokens"}
    person.key()
    person.call("DELETE", f"{TOKENS}/{person.get(TOKENS)['items'][0]['id']}")
    person.path_token("udf-storage")


def test_a_token_expires(charts: Service) -> None:
    """On its day; its owner still sees it."""
    person = charts.person()
    token = person.path_token(expires_in_days=2)
    assert token["expires_at"] == charts.clock.now() + 2 * DAY
    charts.clock.time += 2 * DAY - 1
    assert use(charts, UDF, token["token"]).status_code == 200
    charts.clock.time += 1
    answer = use(charts, UDF, token["token"])
    assert (answer.status_code, told(answer)) == (401, "The path token has expired.")
    person.log_in()
    assert [item["id"] for item in person.get(TOKENS)["items"]] == [token["id"]]


def test_a_revoked_token_is_refused_at_once(charts: Service) -> None:
    """Also where it was just used; and it is gone from the list."""
    person = charts.person()
    token, other = person.path_token(), person.path_token()
    assert use(charts, UDF, token["token"]).status_code == 200
    assert person.call("DELETE", f"{TOKENS}/{token['id']}").status_code == 204
    assert use(charts, UDF, token["token"]).status_code == 401
    assert use(charts, UDF, other["token"]).status_code == 200
    assert [item["id"] for item in person.get(TOKENS)["items"]] == [other["id"]]
    assert person.call("DELETE", f"{TOKENS}/{token['id']}").status_code == 404


def test_a_revocation_by_another_process_is_seen(charts: Service) -> None:
    """Within seconds; the database tells it."""
    token = charts.person().path_token()
    assert use(charts, UDF, token["token"]).status_code == 200
    revoke(charts, "path", token["id"], charts.clock.now())
    for _ in eventually():
        if use(charts, UDF, token["token"]).status_code == 401:
            break


def test_the_tokens_of_others_are_not_there(charts: Service) -> None:
    """Not even for an admin; 404 and not 403."""
    token = charts.person().path_token()
    for somebody in (charts.person(), charts.admin()):
        assert somebody.get(TOKENS) == {"items": []}
        answers = [somebody.call("DELETE", f"{TOKENS}/{id}") for id in (token["id"], uuid4())]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].json()["detail"] == answers[1].json()["detail"]
    assert charts.client.delete(f"/api/v1{TOKENS}/{token['id']}").status_code == 401
    assert use(charts, UDF, token["token"]).status_code == 200


def test_a_disabled_user_has_no_tokens(charts: Service) -> None:
    """At once where it is done; enabled, they are good again, as keys are."""
    admin, person = charts.admin(), charts.person()
    token = person.path_token()["token"]
    for is_disabled, status in ((True, 401), (False, 200)):
        body = {"is_disabled": is_disabled}
        assert admin.call("PATCH", f"/admin/users/{person.id}", body).status_code == 200
        assert use(charts, UDF, token).status_code == status


def test_tokens_of_who_had_the_account_before_end_with_a_reset(charts: Service) -> None:
    """As API keys do; a new password alone ends neither."""
    person = charts.person()
    token = person.path_token()["token"]
    new = {"current": PASSWORD, "new": "another horse battery"}
    assert person.call("PUT", "/auth/me/password", new).status_code == 204
    assert use(charts, UDF, token).status_code == 200
    charts.client.post("/api/v1/auth/password/forgot", json={"email": person.address})
    link = charts.mailbox.token(person.address, number=3)
    body = {"token": link, "password": PASSWORD}
    assert charts.client.post("/api/v1/auth/password/reset", json=body).status_code == 204
    assert use(charts, UDF, token).status_code == 401
    person.log_in()
    assert person.get(TOKENS) == {"items": []}


def test_who_leaves_leaves_no_token(charts: Service) -> None:
    """Not one that was just used; before that it was in the export."""
    person = charts.person()
    token = person.path_token()
    text = token.pop("token")
    assert person.get("/auth/me/export")["path_tokens"] == [token]
    assert use(charts, UDF, text).status_code == 200
    assert person.call("DELETE", "/auth/me", {"password": PASSWORD}).status_code == 204
    assert use(charts, UDF, text).status_code == 401
    left = "SELECT count(*) FROM path_tokens WHERE prefix = :prefix"
    assert sql(charts.url, left, prefix=token["prefix"])[0][0] == 0


def test_the_record_has_them(service: Service) -> None:
    """Who made and who revoked which."""
    admin, person = service.admin(), service.person()
    token = person.path_token()
    person.call("DELETE", f"{TOKENS}/{token['id']}")
    record = admin.get(f"/admin/audit?target={token['id']}")["items"]
    assert [(entry["actor"], entry["action"], entry["outcome"]) for entry in record] == [
        (person.id, "path_token.revoke", "done"),
        (person.id, "path_token.create", "done"),
    ]


def test_use_is_noted(database_url: str, tmp_path: Path) -> None:
    """As that of a key; a request that is refused is none."""
    with serving(database_url, tmp_path) as service:
        person = service.person()
        token, other = person.path_token()["token"], person.path_token("udf-storage")["token"]
        key = {"x-api-key": person.key()["key"]}
        service.clock.time += 30
        for _ in range(2):
            assert use(service, UDF, token).status_code == 404
        assert use(service, UDF, other).status_code == 401
        assert service.client.get("/api/v1/symbols", headers=key).status_code == 200
    uses = "SELECT kind, used_at FROM path_tokens ORDER BY kind"
    assert [*map(tuple, sql(database_url, uses))] == [("udf", NOON + 30), ("udf-storage", None)]
    assert sql(database_url, "SELECT used_at FROM api_keys")[0][0] == NOON + 30


def test_bad_tokens_are_no_way_around_a_limit(serve: Callable[..., Service]) -> None:
    """Neither are good ones, nor odd addresses."""
    service = serve(rate_limit_per_minute=5, rate_limit_user_per_minute=20)
    token = service.person().path_token()["token"]
    paths = [
        "/udf/tp_x/probe",
        f"/udf/{token}x/probe",
        f"/udf//{token}/probe",
        f"/nowhere/{token}",
        "/udf/tp_%0A/probe",
    ]
    place = {"x-forwarded-for": "203.0.113.77"}
    statuses = [service.client.get(path, headers=place).status_code for path in paths * 2]
    # One more gets in where a minute ends just now.
    assert statuses[:5] == [401] * 5
    assert statuses[-1] == 429
    place = {"x-forwarded-for": "203.0.113.78"}
    statuses = [
        service.client.get(f"/udf/{token}/probe", headers=place).status_code for _ in range(25)
    ]
    # Making it has counted, too.
    assert {*statuses[:15]} == {404}
    assert statuses[-1] == 429


def test_guessing_tokens_is_limited(serve: Callable[..., Service]) -> None:
    """Together with guesses of keys; a token that is known still works from that address."""
    service = serve()
    token = service.person().path_token()["token"]
    assert use(service, UDF, token).status_code == 404
    guesses = [use(service, UDF, PathToken.new().text) for _ in range(MOST + 3)]
    assert [answer.status_code for answer in guesses] == [401] * MOST + [429] * 3
    assert 0 < int(guesses[-1].headers["retry-after"]) <= 60
    key = {"x-api-key": service.person().key()["key"]}
    assert service.client.get("/api/v1/symbols", headers=key).status_code == 429
    assert use(service, UDF, token).status_code == 404


def test_a_typo_costs_no_look(serve: Callable[..., Service]) -> None:
    """It is told by its checksum, and is no guess."""
    service = serve()
    person = service.person()
    token = person.path_token()["token"]
    for _ in range(MOST + 5):
        assert use(service, UDF, token[:-1]).status_code == 401
    assert use(service, UDF, token).status_code == 404


def test_a_token_is_not_sent_in_clear(serve: Callable[..., Service]) -> None:
    """Where callers must come by https it is refused, and nobody is sent on with it."""
    service = serve(force_https=True)
    secure = {"x-forwarded-proto": "https"}
    person = Person(service.client, "ada@example.com")
    person.place = secure
    service.client.headers["x-forwarded-proto"] = "https"
    person.register()
    person.log_in()
    token = person.path_token()["token"]
    assert service.client.get(f"/udf/{token}/probe").status_code == 404
    del service.client.headers["x-forwarded-proto"]
    answer = service.client.get(f"/udf/{token}/probe", follow_redirects=False)
    assert answer.status_code == 403
    assert "https" in told(answer)
    assert "location" not in answer.headers
    assert service.client.get("/udf/probe", follow_redirects=False).status_code == 308
