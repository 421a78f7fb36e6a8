"""The whole OpenAPI document against a running server: neither may say what the other does not."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.hostile.places import build_index, seed, seed_index
from tests.hostile.serving import Server, serve
from tests.notifications.browser import Browser
from tests.notifications.telling import notice, tell
from tests.shell.conftest import clean_environment
from tests.tracked.watched import asked_for
from tradeapi.clock import SystemClock
from tradeapi.database import Database
from tradeapi.jobs.names import NAMES
from tradeapi.jobs.opening import jobs_of
from tradeapi.jobs.port import NewJob
from tradeapi.notifications.mailing.mail_off import PURPOSE, MailOff
from tradeapi.security.secrets import Secrets
from tradeapi.settings import Settings

ROOT = Path(__file__).parents[2]
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
SECONDS = 400
# Of an index.
TOLD: tuple[str, ...] = (
    *("builds", "performance", "drawdowns", "rolling", "monthly"),
    *("attribution", "risk", "composition", "changes", "export"),
)


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Server]:
    """One that has the data which the examples of the document are about, and asks who calls."""
    with serve(database_url, tmp_path, AUTH_REQUIRED="true", OUTGOING_TO_LOOPBACK="true") as server:
        server.admit_admin()
        seed(server)
        seed_index(server)
        yield server


def test_the_document_is_right(server: Server, database_url: str, tmp_path: Path) -> None:
    """No crash, nothing undocumented, nothing that breaks its schema; and every operation works."""
    # Afterwards their stocks may be gone.
    use_the_tracker(server)
    use_an_index(server)
    command = ["-m", "schemathesis.cli", "--config-file", str(CONFIGURATION), "run"]
    command += ["--header", f"X-API-Key: {server.client.headers['x-api-key']}"]
    finished = subprocess.run(
        [sys.executable, *command, f"{server.client.base_url}/openapi.json"],
        cwd=tmp_path,
        env=clean_environment(PYTHONPATH=str(ROOT)),
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert finished.returncode == 0, finished.stdout[-20_000:] + finished.stderr[-2000:]
    assert server.crashes == []
    use_a_list(server)
    use_an_alert(server)
    use_a_webhook(server, database_url)
    use_a_browser(server)
    use_an_inbox(server, database_url)
    use_a_job(server, database_url)
    use_jobs(server, asyncio.run(two_dead_letters(database_url)))
    assert succeeded(server) >= documented(server)


def use_a_list(server: Server) -> None:
    """What takes the id of a list, and a symbol or a share of it, which nobody guesses."""
    call = server.client.request
    lists = "/api/v1/watchlists"
    server.put("/symbols/US:LISTED", name="Listed")
    path = f"{lists}/{call('POST', lists, json={'name': 'To be guessed'}).json()['id']}"
    call("POST", f"{path}/items", json={"symbol": "US:LISTED"})
    call("PATCH", f"{path}/items", json={"items": [{"symbol": "US:LISTED", "notes": "x"}]})
    call("PATCH", f"{path}/items/US:LISTED", json={"notes": "y"})
    call("DELETE", f"{path}/items/US:LISTED")
    share = call("POST", f"{path}/shares", json={}).json()["id"]
    call("DELETE", f"{path}/shares/{share}")


def use_an_alert(server: Server) -> None:
    """What takes the id of an alert, or what it waits for."""
    call, path = server.client.request, "/api/v1/alerts"
    server.put("/symbols/US:ALERTED", name="Alerted")
    condition = {"type": "price", "is": "crosses_up", "level": 100.0}
    new = {"symbol": "US:ALERTED", "conditions": [condition]}
    id = call("POST", path, json=new).json()["id"]
    call("GET", f"{path}/{id}")
    call("GET", f"{path}/suggestions", params={"symbol": "US:ALERTED"})
    call("PATCH", f"{path}/{id}", json={"note": "Sell?"})
    call("POST", f"{path}/{id}/test")
    call("DELETE", f"{path}/{id}")


def use_a_webhook(server: Server, url: str) -> None:
    """Nobody listens where it leads, so that what was sent is over only if it is said so."""
    call = server.client.request
    hooks = "/api/v1/webhooks"
    made = call("POST", hooks, json={"url": "http://127.0.0.1:9/"}).json()
    path = f"{hooks}/{made['id']}"
    sent = call("POST", f"{path}/test").json()
    asyncio.run(run_sql(url, "UPDATE webhook_deliveries SET status = 'failed'"))
    call("POST", f"{path}/deliveries/{sent['id']}/replay")
    call("POST", f"{path}/secret")
    call("GET", f"{path}/deliveries")
    call("PATCH", path, json={"is_enabled": False})
    call("GET", path)
    call("DELETE", path)


def use_a_browser(server: Server) -> None:
    call = server.client.request
    browsers = "/api/v1/push/subscriptions"
    made = call("PUT", browsers, json=Browser().subscription()).json()
    call("DELETE", f"{browsers}/{made['id']}")


async def run_sql(url: str, statement: str) -> None:
    async with Database(url) as database, database.transaction() as session:
        await session.execute(text(statement))


def use_an_inbox(server: Server, url: str) -> None:
    """What takes the id of a notification, or the token of a mail."""
    call, path = server.client.request, "/api/v1/notifications"
    user = call("GET", "/api/v1/auth/me").json()["id"]
    tell(url, notice(user, "to be guessed"))
    id = call("GET", path).json()["items"][0]["id"]
    call("PATCH", f"{path}/{id}", json={"read": True})
    call("DELETE", f"{path}/{id}")
    token = MailOff(Secrets.of(Settings()).derive(PURPOSE)).token(UUID(user))
    call("POST", f"{path}/mail-off", json={"token": token})


def use_a_job(server: Server, url: str) -> None:
    """What takes the id of a job, which nobody of this server does."""
    path = f"/api/v1/jobs/{asked_for(url, server.client.get('/api/v1/auth/me').json()['id'])}"
    server.client.get(path)
    server.client.request("DELETE", path)


def use_the_tracker(server: Server) -> None:
    """What takes an index that is built: this server has somebody who does such jobs."""
    call, days = server.client.request, {"start_date": "2024-01-02", "end_date": "2024-02-01"}
    for symbol in ("US:AAPL", "US:MSFT"):
        server.put(f"/symbols/{symbol}/shares", items=[{"effective": None, "shares": 1e9}])
    call("POST", "/api/v1/build-index", json=days)
    call("GET", "/api/v1/index-performance", params=days)
    call("GET", "/api/v1/composition-changes", params=days)
    call("GET", "/api/v1/index-composition", params={"date": "2024-02-01"})
    call("POST", "/api/v1/export", json=days)


def use_an_index(server: Server) -> None:
    """What is told of one that is built, replaces its rules, and removes it."""
    path = build_index(server, "USED")
    queries = {
        "attribution": {"benchmark": "USED"},
        "composition": {"date": "2024-02-01"},
        "export": {"format": "csv"},
    }
    server.client.get("/api/v1/indices")
    for part in TOLD:
        server.client.get(f"{path}/{part}", params=queries.get(part))
    rules = server.client.get(path).json()["definition"]
    server.client.request("PUT", path, json=rules)
    server.client.request("DELETE", path)


async def two_dead_letters(url: str) -> list[str]:
    async with Database(url) as database, database.transaction() as session:
        jobs = jobs_of(database, SystemClock())
        await jobs.enqueue(session, *[NewJob(name="guess", payload={})] * 2)
        table = "jobs" if database.is_sqlite else NAMES.queue_table
        await session.execute(
            text(f"UPDATE {table} SET status = 'failed' WHERE entrypoint = 'guess'")  # noqa: S608
        )
        return [letter.id for letter in await jobs.dead_letters(session, limit=2)]


def use_jobs(server: Server, ids: Sequence[str]) -> None:
    """What takes the id of a job that was given up, which none of this server is."""
    server.client.request("POST", f"/api/v1/admin/jobs/{ids[0]}/requeue")
    server.client.request("DELETE", f"/api/v1/admin/jobs/{ids[1]}")


def documented(server: Server) -> set[tuple[str, str]]:
    """The method and path of each operation, but for those that take a login and not a key, or
    answer without an end.

    A login would be ended by the first of them that works; tests/auth is about them.
    """
    paths = server.client.get("/openapi.json").json()["paths"]
    return {
        (method.upper(), path)
        for path, methods in paths.items()
        for method, operation in methods.items()
        if operation["tags"] not in (["auth"], ["stream"])
    }


def succeeded(server: Server) -> set[tuple[str, str]]:
    """Those that have had a good answer."""
    series = r'http_requests_total\{method="(\w+)",route="([^"]+)",status="2\d\d"\}'
    return {
        (found[1], found[2]) for found in re.finditer(series, server.client.get("/metrics").text)
    }
