"""Shares: who has been given one may look at the charts that it names, and at nothing else."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import APIRouter

from tests.auth.people import PASSWORD, Person, Service, bearer, code, shared, sql
from tradeapi.auth.dependencies import PrincipalDep
from tradeapi.auth.revocations import (
    KEPT_SECONDS,
    SHARES_KEPT_SECONDS,
    Kind,
    Revocations,
    forget_in,
)
from tradeapi.auth.shares import Shares
from tradeapi.clock import FixedClock
from tradeapi.database import Database
from tradeapi.security.share_tokens import MOST_DAYS
from tradeapi.web.principal import NEEDS_READ_OR_SHARE, NEEDS_WRITE

DAY = 86_400.0
CHART = "/charts/my chart"
router = APIRouter()


@router.get("/charts/{id}", dependencies=[NEEDS_READ_OR_SHARE])
async def read(id: str, principal: PrincipalDep) -> dict[str, Any]:
    """As a route of charts does: whose it is says the share, or else the caller."""
    share = principal.share
    return {"id": id, "owner": share.owner if share else principal.user}


@router.put("/charts/{id}", dependencies=[NEEDS_WRITE])
async def write() -> None: ...


@pytest.fixture(scope="module")
def charts(service: Service) -> Service:
    service.app.include_router(router)
    return service


@pytest.fixture
def clock(charts: Service) -> Iterator[FixedClock]:
    """Which is set back: of all that waits for it, nothing is to be done."""
    now = charts.clock.time
    yield charts.clock
    charts.clock.time = now


def look(service: Service, token: str, path: str = CHART) -> httpx2.Response:
    return service.client.get(path, headers=bearer(token))


def test_a_share_shows_what_it_names(charts: Service) -> None:
    """Of its owner; another chart is not there, and whose it is does not matter."""
    person = charts.person()
    token = shared(charts, person, "my chart", "other")
    assert look(charts, token).json() == {"id": "my chart", "owner": person.id}
    assert look(charts, token, "/charts/other").status_code == 200
    for path in ("/charts/third", "/charts/My chart", "/charts/my chart "):
        answer = look(charts, token, path)
        assert (answer.status_code, code(answer)) == (404, "not_found")
    assert look(charts, person.access).json() == {"id": "my chart", "owner": person.id}
    assert charts.client.get(CHART).status_code == 401


def test_a_share_only_shows(charts: Service) -> None:
    """Nothing is changed with it, and whoever uses it is nobody: with an address's limits."""
    token = shared(charts, charts.admin(), "my chart")
    answer = charts.client.put(CHART, headers=bearer(token))
    assert (answer.status_code, code(answer)) == (403, "insufficient_scope")
    assert look(charts, token).headers["ratelimit-policy"].startswith('"anonymous"')
    for path in ("/api/v1/auth/me", "/api/v1/symbols", "/api/v1/auth/ws-ticket"):
        method = "POST" if path.endswith("ticket") else "GET"
        answer = charts.client.request(method, path, headers=bearer(token))
        assert (answer.status_code, code(answer)) == (403, "insufficient_scope")


def test_a_share_is_a_bearer(charts: Service) -> None:
    """And no key, and nothing in an address."""
    token = shared(charts, charts.person(), "my chart")
    assert charts.client.get(CHART, headers={"x-api-key": token}).status_code == 401
    assert charts.client.get(f"{CHART}?token={token}").status_code == 401


def test_a_share_opens_a_socket_for_its_chart(charts: Service) -> None:
    """In whatever way a socket takes credentials; a ticket it is not."""
    person = charts.person()
    mine, other = (person.call("POST", "/charts", {}).json()["id"] for _ in range(2))
    token = shared(charts, person, mine)
    connect = charts.client.websocket_connect
    with connect(f"/ws?ticket={token}") as refused:
        assert refused.receive_json()["code"] == "unauthenticated"
        assert refused.receive()["code"] == 4401
    for socket, is_known in (
        (connect("/ws", headers=bearer(token)), True),
        (connect("/ws", subprotocols=["tradeapi.v1", f"bearer.{token}"]), True),
        (connect("/ws"), False),
    ):
        with socket as open_socket:
            hello = open_socket.receive_json()
            assert hello["auth"] == ("done" if is_known else "required")
            if not is_known:
                open_socket.send_json({"op": "auth", "id": 1, "token": token})
                auth = open_socket.receive_json()
                assert (auth["type"], auth["user"], auth["scopes"]) == ("auth", None, [])
            topics = [f"charts:{mine}", f"charts:{other}", "quotes:US:AAPL", "status"]
            open_socket.send_json({"op": "subscribe", "id": 2, "topics": topics})
            ack = open_socket.receive_json()
            assert ack["topics"] == topics[:1]
            codes = [rejected["code"] for rejected in ack["rejected"]]
            assert codes == ["not_found", "insufficient_scope", "insufficient_scope"]
            assert open_socket.receive_json()["chart"]["id"] == mine


def test_a_share_that_ends_ends_its_sockets(charts: Service) -> None:
    """As what any other socket rests on does."""
    person = charts.person()
    mine = person.call("POST", "/charts", {}).json()["id"]
    share = person.call("POST", f"/charts/{mine}/shares", {}).json()
    with charts.client.websocket_connect("/ws", headers=bearer(share["token"])) as socket:
        assert socket.receive_json()["auth"] == "done"
        end = person.call("DELETE", f"/charts/{mine}/shares/{share['id']}")
        assert end.status_code == 204
        assert socket.receive()["code"] == 4401


def test_a_share_expires(charts: Service, clock: FixedClock) -> None:
    """And its holder is told so."""
    token = shared(charts, charts.person(), "my chart", days=MOST_DAYS)
    clock.time += MOST_DAYS * DAY - 1
    assert look(charts, token).status_code == 200
    clock.time += 1
    answer = look(charts, token)
    assert (answer.status_code, code(answer)) == (401, "token_expired")


def end(service: Service, share: UUID) -> None:
    """As a route for it would."""

    async def run() -> None:
        state = service.client.app_state
        async with state["database"].transaction() as session:
            await state["shares"].end(session, share)

    assert service.client.portal is not None
    service.client.portal.call(run)


def test_a_share_can_be_ended(charts: Service) -> None:
    """One, and no other."""
    shares: Shares = charts.client.app_state["shares"]
    person = charts.person()
    one = shares.make(UUID(person.id), ["my chart"], days=1)
    other = shares.make(UUID(person.id), ["my chart"], days=1)
    assert look(charts, one.token).status_code == 200
    end(charts, one.id)
    answer = look(charts, one.token)
    assert (answer.status_code, code(answer)) == (401, "token_revoked")
    assert look(charts, other.token).status_code == 200


@pytest.mark.parametrize("way", ["disabled", "reset", "deleted"])
def test_the_shares_of_an_account_end_with_it(charts: Service, way: str) -> None:
    """Or with a new beginning; those that are made later are good."""
    person, other = charts.person(), charts.person()
    token, others = shared(charts, person, "my chart"), shared(charts, other, "my chart")
    assert look(charts, token).status_code == 200
    leave(charts, person, way)
    assert look(charts, token).status_code == 401
    assert look(charts, others).status_code == 200
    assert look(charts, shared(charts, person, "my chart")).status_code == 200


def leave(service: Service, person: Person, way: str) -> None:
    if way == "disabled":
        admin = service.admin()
        for is_disabled in (True, False):
            change = {"is_disabled": is_disabled}
            assert admin.call("PATCH", f"/admin/users/{person.id}", change).is_success
    elif way == "reset":
        service.client.post("/api/v1/auth/password/forgot", json={"email": person.address})
        body = {"token": service.mailbox.token(person.address, number=2), "password": PASSWORD}
        assert service.client.post("/api/v1/auth/password/reset", json=body).is_success
    else:
        assert person.call("DELETE", "/auth/me", {"password": PASSWORD}).is_success


def test_what_has_ended_stays_so(database_url: str) -> None:
    """Also in a process that starts much later, as long as a share can last; other news is kept
    for less, and what a newer process has to say for as long as that wants.
    """
    clock = FixedClock(1_700_000_000.0)
    share, login = UUID(int=1), UUID(int=2)

    async def known_after(seconds: float) -> list[bool]:
        async with Database(database_url) as database:
            clock.time += seconds
            later = Revocations(database, clock)
            await later.look()
            later.forget()
            async with database.transaction() as session:
                await forget_in(session, clock.now())
            return [bool(later.since(*one)) for one in ((Kind.SHARE, share), (Kind.LOGIN, login))]

    async def begin() -> None:
        async with Database(database_url) as database, database.transaction() as session:
            revocations = Revocations(database, clock)
            await revocations.add(session, Kind.SHARE, share)
            await revocations.add(session, Kind.LOGIN, login)

    asyncio.run(begin())
    later = (
        "INSERT INTO revocations (kind, subject, at) SELECT 'later', subject, 1 FROM revocations"
    )
    sql(database_url, f"{later} WHERE kind = 'share'")
    assert asyncio.run(known_after(KEPT_SECONDS - 1)) == [True, True]
    assert asyncio.run(known_after(2)) == [True, False]
    assert asyncio.run(known_after(MOST_DAYS * DAY)) == [True, False]
    assert asyncio.run(known_after(SHARES_KEPT_SECONDS)) == [False, False]
    assert sql(database_url, "SELECT kind FROM revocations") == [("later",)]
