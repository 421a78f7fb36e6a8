"""People who use the service over HTTP, their mailbox, and a look into the tables behind it."""

import asyncio
import email
import email.policy
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import httpx2
from fastapi import FastAPI
from sqlalchemy import Row, select, text
from starlette.testclient import TestClient

from tests.caller import Caller
from tradeapi.app import create_app
from tradeapi.auth.shares import Shares
from tradeapi.clock import FixedClock
from tradeapi.database import Base, Database
from tradeapi.settings import Settings

PASSWORD = "correct horse battery"  # noqa: S105
# Hashing is tested elsewhere; here it only must not take long.
CHEAP = {"argon2_memory_kib": 64, "argon2_time_cost": 1}
# Later than the clock of this machine, so that what it writes itself is the past.
NOON = 4_000_000_000.0
PROXY = "127.0.0.1"

Answer = TypeVar("Answer")
_numbers = count(1)


class Mailbox:
    """Everybody's, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def letters(self, address: str) -> list[str]:
        """What has come to the address, the oldest first."""
        return [text for to, text in self._all() if to == address]

    def newest(self, address: str, *, number: int = 1) -> str:
        """The letter with this number, once it is there."""
        for _ in eventually():
            letters = self.letters(address)
            if len(letters) >= number:
                return letters[number - 1]
        raise AssertionError

    def token(self, address: str, *, number: int = 1) -> str:
        """The one in the link of that letter."""
        found = re.search(r"\?token=(\S+)", self.newest(address, number=number))
        assert found is not None
        return found[1]

    def _all(self) -> Iterator[tuple[str, str]]:
        for file in sorted(self._folder.glob("*.eml")):
            letter = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            yield str(letter["to"]), letter.get_content()


@dataclass(frozen=True, slots=True)
class Service:
    """One application, and what is behind it."""

    app: FastAPI
    client: TestClient
    settings: Settings
    clock: FixedClock
    mailbox: Mailbox

    @property
    def url(self) -> str:
        return self.settings.database_url

    def person(self, *, address: str | None = None, password: str = PASSWORD) -> "Person":
        """Somebody new, who is logged in."""
        person = Person(self.client, address or f"person{next(_numbers)}@example.com", password)
        answer = person.register()
        assert answer.status_code == 201, answer.text
        person.id = answer.json()["id"]
        person.log_in()
        return person

    def admin(self) -> "Person":
        """The same as an admin, who is made behind the service's back."""
        person = self.person()
        sql(self.url, "UPDATE users SET role = 'admin' WHERE email = :email", email=person.address)
        person.log_in()
        return person

    def grant(self, person: "Person", scopes: str) -> None:
        """Also behind its back: log in to have them."""
        statement = "UPDATE users SET scopes = :scopes WHERE email = :email"
        sql(self.url, statement, scopes=scopes, email=person.address)


class Person:
    """Somebody with an account, on one device of theirs."""

    def __init__(self, client: httpx2.Client, address: str, password: str = PASSWORD) -> None:
        self.client = client
        self.address = address
        self.password = password
        self.id = ""
        self.access = ""
        self.refresh_token = ""
        # Where they call from, as our proxy says.
        self.place: dict[str, str] = {}

    @property
    def headers(self) -> dict[str, str]:
        return bearer(self.access)

    def register(self) -> httpx2.Response:
        body = {"email": self.address, "password": self.password}
        return self.client.post("/api/v1/auth/register", json=body)

    def try_log_in(self, password: str | None = None, *, scope: str = "") -> httpx2.Response:
        form = {"username": self.address, "password": password or self.password, "scope": scope}
        return self.client.post("/api/v1/auth/token", data=form, headers=self.place)

    def log_in(self, *, scope: str = "") -> None:
        self.take(self.try_log_in(scope=scope))

    def elsewhere(self) -> "Person":
        """The same on another device, logged in there."""
        other = Person(self.client, self.address, self.password)
        other.id = self.id
        other.log_in()
        return other

    def try_refresh(self, token: str | None = None) -> httpx2.Response:
        body = {"refresh_token": token or self.refresh_token}
        return self.client.post("/api/v1/auth/refresh", json=body)

    def refresh(self) -> None:
        self.take(self.try_refresh())

    def take(self, answer: httpx2.Response) -> None:
        assert answer.status_code == 200, answer.text
        self.access = answer.json()["access_token"]
        self.refresh_token = answer.json()["refresh_token"]

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
    ) -> httpx2.Response:
        """`path` is below /api/v1."""
        headers = self.headers | (headers or {})
        return self.client.request(method, f"/api/v1{path}", json=body, headers=headers)

    def get(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def is_in(self) -> bool:
        """Whether the access token is good; if not, it is a 401 that says so."""
        status = self.call("GET", "/auth/me").status_code
        assert status in {200, 401}
        return status == 200

    def key(self, **fields: object) -> dict[str, Any]:
        """A new API key, with its text."""
        answer = self.call("POST", "/auth/api-keys", {"name": "feed", **fields})
        assert answer.status_code == 201, answer.text
        key: dict[str, Any] = answer.json()
        return key

    def path_token(self, kind: str = "udf", **fields: object) -> dict[str, Any]:
        """A new one, with its text."""
        answer = self.call("POST", "/auth/path-tokens", {"name": "chart", "kind": kind, **fields})
        assert answer.status_code == 201, answer.text
        token: dict[str, Any] = answer.json()
        return token


@contextmanager
def serving(url: str, folder: Path, **options: object) -> Iterator[Service]:
    """A service at NOON on a migrated database, behind a proxy of ours."""
    clock = FixedClock(NOON)
    settings = Settings.model_validate(
        {
            "database_url": url,
            "demo": False,
            "auth_required": True,
            "mail_url": f"folder:{folder}/mail",
            "trusted_proxies": PROXY,
            **CHEAP,
            **options,
        }
    )
    app = create_app(settings, clock)
    with Caller(app, client=(PROXY, 50_000)) as client:
        yield Service(app, client, settings, clock, Mailbox(folder / "mail"))


def shared(service: Service, person: Person, *charts: str, days: float = 1) -> str:
    """A share token, as a route for it would make one."""
    shares: Shares = service.client.app_state["shares"]
    return shares.make(UUID(person.id), charts, days=days).token


def pages(person: Person, path: str) -> Iterator[list[dict[str, Any]]]:
    """Of a list, from its beginning to its end."""
    mark = "&" if "?" in path else "?"
    page = person.get(path)
    yield page["items"]
    while page["next_cursor"] is not None:
        page = person.get(f"{path}{mark}cursor={page['next_cursor']}")
        yield page["items"]


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def code(answer: httpx2.Response) -> str:
    """Of a problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return str(answer.json()["code"])


def sql(url: str, statement: str, **values: object) -> Sequence[Row[Any]]:
    async def run() -> Sequence[Row[Any]]:
        async with Database(url) as database, database.transaction() as session:
            result = await session.execute(text(statement), values)
            return result.all() if result.returns_rows else []  # type: ignore[attr-defined]

    return asyncio.run(run())


def everything_stored(url: str) -> str:
    """All rows of all tables, as text."""

    async def run() -> str:
        async with Database(url) as database, database.reading() as session:
            tables = Base.metadata.sorted_tables
            return "\n".join([str((await session.execute(select(one))).all()) for one in tables])

    return asyncio.run(run())


def at_once(number: int, call: Callable[[], Answer]) -> list[Answer]:
    """What `number` calls from threads of their own answer."""
    with ThreadPoolExecutor(number) as threads:
        return [future.result() for future in [threads.submit(call) for _ in range(number)]]


def eventually(seconds: float = 5) -> Iterator[None]:
    """Try again, fifty times a second: `for _ in eventually(): if ...: break`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.02)
    raise AssertionError(f"It has not come about within {seconds} seconds.")
