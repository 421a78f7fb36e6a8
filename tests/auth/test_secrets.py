"""No secret in anything that is written or said: logs, the record, errors, tables."""

import json
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.auth.people import CHEAP, PASSWORD, Mailbox, Person, bearer, everything_stored, sql
from tests.hostile.serving import Server, serve
from tests.hostile.wire import HOST, UPGRADE, exchange

NEW = "another horse battery"
WRONG = "planted-wrong-password"
_places = count()


class Watched:
    """A client that remembers the answers that told of an error."""

    def __init__(self, client: httpx2.Client) -> None:
        self.errors: list[str] = []
        client.event_hooks = {"response": [self._look]}

    def _look(self, answer: httpx2.Response) -> None:
        answer.read()
        if answer.status_code >= 400:
            self.errors.append(f"{answer.headers} {answer.text}")


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Server]:
    """A process that logs all there is to log."""
    settings = {name.upper(): str(value) for name, value in CHEAP.items()}
    settings |= {
        "LOG_LEVEL": "debug",
        "AUTH_REQUIRED": "true",
        "TRUSTED_PROXIES": "127.0.0.1",
        "MAIL_URL": f"folder:{tmp_path}/mail",
    }
    with serve(database_url, tmp_path, **settings) as server:
        yield server


def live_a_life(server: Server, url: str, mailbox: Mailbox) -> set[str]:
    """Of somebody who does all that there is to do, and it goes wrong; the secrets it took."""
    person = Person(server.client, "ada@example.com")
    person.register()
    secrets = {PASSWORD, NEW, WRONG, mailbox.token(person.address)}
    person.register()
    person.try_log_in(WRONG)
    person.log_in()
    secrets |= {person.access, person.refresh_token}
    person.refresh()
    secrets |= {person.access, person.refresh_token}
    once = {"idempotency-key": "the-first-of-all-keys"}
    key = person.call("POST", "/auth/api-keys", {"name": "feed"}, headers=once).json()["key"]
    secrets.add(key)
    for headers in ({"x-api-key": key}, bearer(key), {"x-api-key": f"{key}x"}, bearer(f"{key}x")):
        assert server.client.get("/api/v1/symbols", headers=headers).status_code in {200, 401}
    secrets |= open_sockets(server, person, key) | use_path_tokens(server, person)
    secrets |= open_stream(server, person)
    person.call("PUT", "/auth/me/password", {"current": WRONG, "new": NEW})
    server.client.post("/api/v1/auth/password/forgot", json={"email": person.address})
    token = mailbox.token(person.address, number=2)
    secrets.add(token)
    body = {"token": token, "password": NEW}
    for _ in range(2):
        server.client.post("/api/v1/auth/password/reset", json=body)
    person.try_refresh()
    person.call("GET", "/auth/me")
    hashes = sql(url, "SELECT password_hash FROM users")
    return secrets | {hash for (hash,) in hashes} | {row[0] for row in stored_hashes(url)}


def stored_hashes(url: str) -> list[tuple[str]]:
    tables = ("refresh_tokens", "api_keys", "path_tokens", "tickets")
    return [tuple(row) for table in tables for row in sql(url, f"SELECT hash FROM {table}")]  # noqa: S608  constants


def open_sockets(server: Server, person: Person, key: str) -> set[str]:
    """In each way that there is to say who one is; the tickets that it took."""
    opened, (host, port) = 0, server.address
    tickets = [person.call("POST", "/auth/ws-ticket").json()["ticket"] for _ in range(2)]
    address = f"ws://{host}:{port}/ws"
    for path, headers, protocol in (
        (f"{address}?ticket={tickets[0]}", {}, None),
        (f"{address}?ticket={tickets[0]}", {}, None),
        (f"{address}/nowhere?ticket={tickets[1]}", {}, None),
        (address, {"x-api-key": key}, None),
        (address, bearer(person.access), None),
        (address, {"x-api-key": f"{key}x"}, None),
        (address, {}, f"bearer.{person.access}"),
        (address, {}, f"bearer.{key}"),
    ):
        offered = [Subprotocol("tradeapi.v1"), Subprotocol(protocol)] if protocol else None
        with (
            suppress(WebSocketException),
            connect(path, additional_headers=headers, subprotocols=offered) as socket,
        ):
            socket.send(json.dumps({"type": "auth", "id": 1, "token": person.access}))
            socket.recv(timeout=5)
            opened += 1
    assert opened >= 5
    return {*tickets}


def use_path_tokens(server: Server, person: Person) -> set[str]:
    """In all ways to write an address, good and bad, as requests and as handshakes; the tokens,
    and what is secret of them however the rest is encoded.
    """
    tokens, answers = [], []
    for kind in ("udf", "udf-storage", "udf"):
        body = {"name": "chart", "kind": kind}
        tokens.append(person.call("POST", "/auth/path-tokens", body).json())
    person.call("DELETE", f"/auth/path-tokens/{tokens[2]['id']}")
    for token in tokens:
        text, kind = token["token"], token["kind"]
        spoilt = text[:-1] + ("a" if text[-1] != "a" else "b")
        for one in (text, spoilt, text.replace("_", "%5F"), text.replace("tp", "%74%70")):
            for path in (
                f"/{kind}/{one}/config",
                f"/{kind}/{one}/history%2Fx?symbol=US:A",
                f"/{kind}/{one}",
                f"/{kind}/{one}/",
                f"/{kind}%2F{one}%2Fconfig",
                f"/{kind}%2f{one}%2fconfig",
                f"/{kind}/{one}%0A/config",
                f"/{kind}/{one}//config",
                f"//{kind}/{one}/config",
                f"/{kind}//{one}/config",
                f"/{kind}/config/{one}/x/y",
                f"/{kind}/{one}/{one}",
                f"/{kind.upper()}/{one}/config",
                f"/api/v1/symbols/{one}",
                f"/api/v1/auth/path-tokens/{one}",
                f"/{kind}/{quote(one)}/config",
                f"/{kind}/{quote(quote(one))}/config",
                f"/{quote(one)}%250A",
            ):
                answers += [ask(server, method, path) for method in ("GET", "SOCKET")]
        server.client.get("/api/v1/symbols", headers={"x-api-key": text})
        server.client.get("/api/v1/symbols", headers=bearer(text))
        server.client.get("/api/v1/symbols", headers={"referer": f"https://x/{kind}/{text}/"})
    secrets = {secret for one in tokens for secret in (one["token"], one["token"][12:])}
    assert {status for status, _ in answers} == {200, 401, 404}
    assert not [text for _, text in answers if any(secret in text for secret in secrets)]
    return secrets


def ask(server: Server, method: str, path: str) -> tuple[int, str]:
    """Just so: a client would tidy the address up. Each comes from elsewhere, for many are guesses
    at tokens.
    """
    number = next(_places)
    place = f"x-forwarded-for: 198.51.{number // 250}.{number % 250}\r\n".encode()
    more = UPGRADE if method == "SOCKET" else b"content-length: 0\r\n"
    method = "GET" if method == "SOCKET" else method
    sent = f"{method} {path}".encode() + HOST + place + more + b"\r\n"
    status, problem = exchange(server.address, sent)
    return status, str(problem)


def open_stream(server: Server, person: Person) -> set[str]:
    """With a ticket that comes again, and once more where something else is wrong."""
    ticket: str = person.call("POST", "/auth/ws-ticket", {"kind": "stream"}).json()["ticket"]
    statuses = []
    # The other client reads answers to their end, and this one has none.
    with httpx2.Client(base_url=server.client.base_url) as client:
        for topics in ("quotes:SIM:NOPE", "quotes:SIM:NOPE", ""):
            query = {"topics": topics, "ticket": ticket}
            with client.stream("GET", "/api/v1/stream", params=query) as answer:
                statuses.append(answer.status_code)
    assert statuses == [200, 200, 422]
    return {ticket}


def misplace(client: httpx2.Client, person: Person) -> set[str]:
    """Secrets in fields that are no place for them."""
    planted: list[str] = []

    def secret() -> str:
        planted.append(f"planted-secret-{len(planted)}-")
        return planted[-1]

    for path in ("register", "refresh", "password/forgot", "password/reset", "email/verify"):
        for body in (
            {"email": secret(), "password": [secret()], "token": {"x": secret()}},
            {"refresh_token": [secret()], "secret": secret()},
            [secret()],
            secret(),
        ):
            client.post(f"/api/v1/auth/{path}", json=body)
        client.post(f"/api/v1/auth/{path}", content=f'{{"password": "{secret()}')
    client.post("/api/v1/auth/token", data={"grant_type": secret(), "password": secret()})
    client.post("/api/v1/auth/token", data={"username": secret(), "password": secret()})
    client.get("/api/v1/symbols", headers={"authorization": f"Basic {secret()}"})
    client.get("/api/v1/symbols", headers=bearer(secret()))
    client.get("/api/v1/symbols", headers={"x-api-key": f"tk_{secret()}"})
    client.get(f"/api/v1/auth/me?token={secret()}&password={secret()}")
    client.get(f"/ws?ticket={secret()}")
    client.get(f"/api/v1/stream?topics={secret()}&ticket={secret()}&last_event_id={secret()}")
    client.get(f"/api/v1/stream/{secret()}?ticket={secret()}")
    person.call("POST", "/auth/api-keys", {"name": [secret()], "scopes": [secret()]})
    return {*planted}


def test_no_secret_is_logged_told_or_recorded(
    server: Server, database_url: str, tmp_path: Path
) -> None:
    """Nor a hash of one, where the log has the SQL; tables hold the hashes only."""
    watched = Watched(server.client)
    secrets = live_a_life(server, database_url, Mailbox(tmp_path / "mail"))
    person = Person(server.client, "grace@example.com")
    person.register()
    person.log_in()
    planted = misplace(server.client, person)
    record = "\n".join(map(str, sql(database_url, "SELECT * FROM audit")))
    metrics = server.client.get("/metrics", headers=person.headers).text
    assert 'route="unmatched"' in metrics
    log = server.log
    assert "INSERT INTO refresh_tokens" in log
    assert len(watched.errors) > 30
    errors = "\n".join(watched.errors)
    places = {"log": log, "record": record, "metrics": metrics, "errors": errors}
    for place, text in places.items():
        leaked = {secret for secret in secrets | planted if secret in text}
        # A part of a token may be as good as the whole.
        leaked |= {secret for secret in secrets if "." in secret and secret[-40:] in text}
        assert [line for line in text.splitlines() if any(s in line for s in leaked)] == [], place
    stored = everything_stored(database_url)
    hashes = {secret for secret in secrets if secret in stored and not is_hash(secret)}
    assert hashes == set()
    assert not any(secret in stored for secret in planted)
    assert server.crashes == []


def is_hash(text: str) -> bool:
    return text.startswith("$argon2") or (len(text) == 64 and set(text) <= set("0123456789abcdef"))
