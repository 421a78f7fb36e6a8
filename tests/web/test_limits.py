"""How often callers may ask: counted in memory and in Redis, which must come to the same."""

import asyncio
import gc
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_network
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from prometheus_client import REGISTRY
from slowapi.wrappers import Limit, LimitGroup
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as ConnectionScope

from tests.servers.processes import free_port
from tests.web.redis_process import redis_process
from tradeapi import redis as redis_module
from tradeapi.errors import Unauthenticated
from tradeapi.redis import Redis
from tradeapi.settings import Settings
from tradeapi.web.counting import Counts, MemoryCounts
from tradeapi.web.envelope import Envelope
from tradeapi.web.guard import Guard
from tradeapi.web.limits import Limits, Places, declare, policies
from tradeapi.web.principal import ANONYMOUS, PRINCIPAL, Principal, Scope
from tradeapi.web.proxies import Proxies
from tradeapi.web.standing import Hit, Window, standing

PLACES = Places(
    exempt=("/health", "/health/ready", "/metrics"),
    login=("/api/v1/auth/login",),
    ingest=lambda method, path: method == "POST" and path in {"/api/v1/bars", "/api/v1/ticks"},
    history=lambda method, path: method in {"GET", "HEAD"} and path.startswith("/api/v1/bars/"),
    exports=("csv", "parquet"),
    heavy="/api/v1/export",
)
USER = Principal(user=uuid4(), session=uuid4())
KEY = Principal(user=USER.user, key=uuid4())
FEED = Principal(user=USER.user, key=uuid4(), scopes=frozenset({Scope.INGEST}))
FAST_KEY = Principal(user=USER.user, key=uuid4(), rate=5)
DEV = Principal(user=uuid4())
HISTORY = "/api/v1/bars/A"
SYMBOLS = "/api/v1/symbols"

Serve = Callable[..., httpx2.AsyncClient]


async def answer(scope: ConnectionScope, receive: Receive, send: Send) -> None:
    """Accepts sockets, greets requests."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
    await send({"type": "http.response.body", "body": b"hello"})


def limits(**settings: int) -> dict[str, Limit]:
    """A few requests a minute, where nothing else is said."""
    few = {
        "rate_limit_per_minute": 4,
        "rate_limit_user_per_minute": 3,
        "rate_limit_history_per_minute": 2,
        "rate_limit_login_per_minute": 2,
        "rate_limit_heavy_per_minute": 2,
        "rate_limit_ingest_per_minute": 6,
    }
    return dict(declare(Settings.model_validate({**few, **settings})))


def layers(
    redis: Redis | None,
    principal: Principal = ANONYMOUS,
    limits: dict[str, Limit] = limits(),  # noqa: B008  nobody changes it
    *,
    is_open: bool = False,
) -> ASGIApp:
    """The layers around it as they are around the application, and who calls."""
    inner = Limits(answer, limits=limits, places=PLACES, is_open=is_open, redis=redis)

    async def identify(scope: ConnectionScope, receive: Receive, send: Send) -> None:
        scope[PRINCIPAL] = principal
        await inner(scope, receive, send)

    return Envelope(Guard(identify, bytes=1000, large_at=lambda _: None, seconds=30, debug=True))


def client(app: ASGIApp, address: str = "203.0.113.7") -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=app, client=(address, 1234))
    return httpx2.AsyncClient(transport=transport, base_url="http://test")


async def statuses(client: httpx2.AsyncClient, count: int, path: str = SYMBOLS) -> list[int]:
    return [(await client.get(path)).status_code for _ in range(count)]


def fallbacks() -> float:
    return REGISTRY.get_sample_value("rate_limit_fallbacks_total") or 0.0


def refusals(policy: str) -> float:
    return REGISTRY.get_sample_value("rate_limit_hits_total", {"policy": policy}) or 0.0


@pytest.fixture(autouse=True)
def away_from_the_turn() -> None:
    """In memory windows turn with the clock, and then one more gets in."""
    left = 60 - time.time() % 60
    if left < 3:
        time.sleep(left)


@pytest.fixture(params=["memory", "redis"])
async def redis(request: pytest.FixtureRequest) -> AsyncIterator[Redis | None]:
    """Where is counted. A busy machine may keep us waiting for Redis longer than callers would."""
    if request.param == "memory":
        yield None
        return
    async with Redis(request.getfixturevalue("redis_url"), patience=5) as redis:
        before = fallbacks()
        yield redis
        assert fallbacks() == before


@pytest.mark.parametrize(
    ("method", "target", "principal", "expected"),
    [
        ("GET", SYMBOLS, ANONYMOUS, ("anonymous",)),
        ("GET", SYMBOLS, USER, ("user",)),
        ("GET", SYMBOLS, KEY, ("user",)),
        ("GET", HISTORY, ANONYMOUS, ("history", "anonymous")),
        ("HEAD", HISTORY, ANONYMOUS, ("history", "anonymous")),
        ("DELETE", HISTORY, ANONYMOUS, ("anonymous",)),
        ("GET", HISTORY, USER, ("user",)),
        ("GET", f"{HISTORY}?limit=1&format=csv", USER, ("heavy", "user")),
        ("POST", "/api/v1/export", USER, ("heavy", "user")),
        ("GET", f"{HISTORY}?form%61t=%70arquet", USER, ("heavy", "user")),
        ("GET", f"{HISTORY}?format=json&format=csv", USER, ("heavy", "user")),
        ("GET", f"{HISTORY}?format=json&other=csv", USER, ("user",)),
        ("GET", f"{HISTORY}?format=csv", ANONYMOUS, ("heavy", "history", "anonymous")),
        ("GET", f"{SYMBOLS}?format=csv", USER, ("user",)),
        ("POST", "/api/v1/auth/login", ANONYMOUS, ("login", "anonymous")),
        ("POST", "/api/v1/auth/login", USER, ("login", "user")),
        ("GET", "/api/v1/auth/login", ANONYMOUS, ("anonymous",)),
        ("POST", "/api/v1/bars", FEED, ("ingest",)),
        ("POST", "/api/v1/ticks", Principal(scopes=frozenset(Scope)), ("ingest",)),
        ("POST", "/api/v1/bars", KEY, ("user",)),
        ("POST", "/api/v1/ticks", ANONYMOUS, ("anonymous",)),
        ("GET", "/api/v1/bars", KEY, ("user",)),
        ("", "/ws", USER, ("user",)),
        ("GET", "/health", ANONYMOUS, ()),
        ("GET", "/health/ready", USER, ()),
        ("GET", "/metrics", ANONYMOUS, ()),
        ("GET", "/healthy", ANONYMOUS, ("anonymous",)),
    ],
)
def test_which_limits_a_request_counts_against(
    method: str, target: str, principal: Principal, expected: tuple[str, ...]
) -> None:
    """It is decided by what was asked for and by whom."""
    path, _, query = target.partition("?")
    assert policies(PLACES, method, path, query.encode(), principal) == expected


async def test_a_caller_over_the_limit_is_told_when_to_come_back(redis: Redis | None) -> None:
    """With a problem, and with the same number of seconds in both headers."""
    before = refusals("anonymous")
    async with client(layers(redis)) as caller:
        assert await statuses(caller, 4) == [200] * 4
        refusal = await caller.get(SYMBOLS)
    seconds = int(refusal.headers["retry-after"])
    assert 1 <= seconds <= 60
    assert refusal.status_code == refusal.json()["status"] == 429
    assert refusal.headers["content-type"] == "application/problem+json"
    assert refusal.json()["code"] == "too_many_requests"
    assert refusal.headers["ratelimit"] == f'"anonymous";r=0;t={seconds}'
    assert refusal.headers["ratelimit-policy"] == '"anonymous";q=4;w=60'
    assert refusal.headers["x-request-id"] == refusal.json()["request_id"]
    assert refusals("anonymous") == before + 1


async def test_every_answer_tells_what_is_left(redis: Redis | None) -> None:
    """In the form of draft 11: the tightest first, of those with equally much left the longest."""
    item = r'"([a-z]+)";r=(\d+);t=(\d+)'
    left = []
    async with client(layers(redis)) as caller:
        for _ in range(2):
            headers = (await caller.get(HISTORY)).headers
            assert headers["ratelimit-policy"] == '"history";q=2;w=60, "anonymous";q=4;w=60'
            assert re.fullmatch(f"{item}, {item}", headers["ratelimit"])
            found = re.findall(item, headers["ratelimit"])
            assert all(1 <= int(seconds) <= 60 for _, _, seconds in found)
            left.append({name: int(remaining) for name, remaining, _ in found})
            assert next(iter(left[-1])) == "history"
        assert headers["a"] == "b"
    assert left == [{"history": 1, "anonymous": 3}, {"history": 0, "anonymous": 2}]


async def test_retry_after_is_true(redis: Redis | None) -> None:
    """Who comes back when he was told to is let in."""
    short = {"anonymous": _per("4 per 2 second")}
    async with client(layers(redis, ANONYMOUS, short)) as caller:
        for _ in range(2):
            answers = [await caller.get(SYMBOLS) for _ in range(5)]
            assert answers[0].status_code == 200
            assert answers[-1].status_code == 429
            await asyncio.sleep(int(answers[-1].headers["retry-after"]) + 0.02)


async def test_a_refused_request_is_not_counted_elsewhere(redis: Redis | None) -> None:
    """Who has had all his history may still ask for the rest."""
    async with client(layers(redis)) as caller:
        assert await statuses(caller, 4, HISTORY) == [200, 200, 429, 429]
        assert await statuses(caller, 3) == [200, 200, 429]


async def test_callers_do_not_share(redis: Redis | None) -> None:
    """Addresses and users each have their own; a key has its user's, or its own rate."""
    counts = Counter[str]()
    for name, principal in (("user", USER), ("key", KEY), ("fast", FAST_KEY), ("other", ANONYMOUS)):
        app = layers(redis, principal)
        for address in ("203.0.113.7", "203.0.113.8"):
            async with client(app, address) as caller:
                counts[name] += (await statuses(caller, 6)).count(200)
                if name == "fast":
                    policy = (await caller.get(SYMBOLS)).headers["ratelimit-policy"]
                    assert policy == '"user";q=5;w=60'
    # In memory each application counts for itself, and each principal has one here.
    key = 3 if redis is None else 0
    assert counts == {"user": 3, "key": key, "fast": 5, "other": 8}


async def test_one_caller_has_a_whole_network_of_ipv6(redis: Redis | None) -> None:
    """So its /64 is one caller; and IPv4 is the same however it is written."""
    app = layers(redis)
    network = ip_network("2001:db8:1:2::/64")
    found = []
    for number in (1, 2, 2**40, 2**64 - 1):
        async with client(app, str(network[number])) as caller:
            found += await statuses(caller, 2)
    assert found == [200] * 4 + [429] * 4
    async with client(app, "2001:db8:1:3::1") as caller:
        assert await statuses(caller, 1) == [200]
    async with client(app, "::ffff:203.0.113.9") as caller:
        assert await statuses(caller, 4) == [200] * 4
    async with client(app, "203.0.113.9") as caller:
        assert await statuses(caller, 1) == [429]


async def test_a_header_that_anybody_may_send_gives_no_new_budget(redis: Redis | None) -> None:
    """Directly it means nothing; through our proxy, only what the proxy has added."""
    trusted = ip_network("10.0.0.0/8")
    for address, suffix in (("203.0.113.7", ""), ("10.0.0.1", ", 203.0.113.8, 10.0.0.2")):
        async with client(Proxies(layers(redis), trusted=[trusted]), address) as caller:
            found = [
                await caller.get(
                    SYMBOLS, headers={"x-forwarded-for": f"198.51.100.{number}{suffix}"}
                )
                for number in range(6)
            ]
        assert [one.status_code for one in found] == [200] * 4 + [429] * 2


async def test_logins_are_counted_by_address_whoever_calls(redis: Redis | None) -> None:
    """A session, good or bad, buys no further guesses."""
    inner = layers(redis, USER)
    async with client(inner) as caller:
        found = [(await caller.post("/api/v1/auth/login")).status_code for _ in range(3)]
        assert found == [200, 200, 429]
        assert await statuses(caller, 1) == [200]


async def test_who_is_let_in_by_an_open_server_is_anybody(redis: Redis | None) -> None:
    """The user dev is limited by address; a key is still a key."""
    async with client(layers(redis, DEV, is_open=True)) as caller:
        assert await statuses(caller, 3, HISTORY) == [200, 200, 429]
    async with client(layers(redis, KEY, is_open=True)) as caller:
        assert (await caller.get(HISTORY)).headers["ratelimit"].startswith('"user";r=2')


async def test_probes_and_scrapes_are_not_counted(redis: Redis | None) -> None:
    """A server that is asked too often is not a sick one."""
    async with client(layers(redis)) as caller:
        for path in PLACES.exempt:
            assert await statuses(caller, 8, path) == [200] * 8
        assert "ratelimit" not in (await caller.get("/health")).headers


async def test_of_a_crowd_exactly_as_many_get_in(redis: Redis | None) -> None:
    """Though all ask at the same moment."""
    async with client(layers(redis, ANONYMOUS, limits(rate_limit_per_minute=50))) as caller:
        answers = await asyncio.gather(*(caller.get(SYMBOLS) for _ in range(200)))
    assert Counter(one.status_code for one in answers) == {200: 50, 429: 150}


async def test_processes_share_one_budget(redis_url: str) -> None:
    """Exactly: each has a connection and a layer of its own."""
    before = fallbacks()
    wide = limits(rate_limit_per_minute=60)
    async with Redis(redis_url, patience=5) as one, Redis(redis_url, patience=5) as other:
        clients = [client(layers(redis, ANONYMOUS, wide)) for redis in (one, other)]
        answers = await asyncio.gather(*(clients[number % 2].get(SYMBOLS) for number in range(200)))
    assert Counter(one.status_code for one in answers) == {200: 60, 429: 140}
    assert fallbacks() == before


@pytest.mark.parametrize("fault", ["hang", "kill"])
async def test_without_redis_each_process_counts_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """At once, also logins; and when Redis is back, it counts for all again."""
    monkeypatch.setattr(redis_module, "REST_SECONDS", 0.3)
    with redis_process(tmp_path) as process:
        async with Redis(process.url) as redis, client(layers(redis)) as caller:
            assert await statuses(caller, 1) == [200]
            getattr(process, fault)()
            before = fallbacks()
            started = time.perf_counter()
            assert await statuses(caller, 5) == [200] * 4 + [429]
            login = [(await caller.post("/api/v1/auth/login")).status_code for _ in range(2)]
            assert login == [429, 429]
            assert time.perf_counter() - started < 0.5
            assert fallbacks() == before + 7
            process.go_on() if fault == "hang" else process.start()
            await asyncio.sleep(0.4)
            before = fallbacks()
            # One that was killed has forgotten; one that hung has counted what nobody waited for.
            assert (await statuses(caller, 4)).count(200) == (4 if fault == "kill" else 2)
            assert await statuses(caller, 1) == [429]
            assert fallbacks() == before


async def test_a_server_starts_without_redis() -> None:
    """What is refused is refused at once."""
    started = time.perf_counter()
    async with (
        Redis(f"redis://127.0.0.1:{free_port()}") as redis,
        client(layers(redis)) as caller,
    ):
        assert await statuses(caller, 5) == [200] * 4 + [429]
    assert time.perf_counter() - started < 1


def test_handshakes_are_counted() -> None:
    """One too many is answered with a problem, as a request is."""
    caller = TestClient(layers(None))
    for _ in range(4):
        with caller.websocket_connect("/ws") as socket:
            assert socket.receive()["type"] == "websocket.close"
    with (
        pytest.raises(WebSocketDenialResponse) as refusal,
        caller.websocket_connect("/ws"),
    ):
        pass
    assert refusal.value.status_code == refusal.value.json()["status"] == 429
    assert 1 <= int(refusal.value.headers["retry-after"]) <= 60
    assert refusal.value.headers["ratelimit"].startswith('"anonymous";r=0')


def test_a_handshake_that_fails_is_answered_with_its_problem() -> None:
    """Errors of ours get through to whoever knocks, not only those of this layer."""

    async def refuse(*_: object) -> None:
        raise Unauthenticated("Say who you are.")

    guard = Guard(refuse, bytes=1, large_at=lambda _: None, seconds=1, debug=False)
    with (
        pytest.raises(WebSocketDenialResponse) as refusal,
        TestClient(Envelope(guard)).websocket_connect("/ws"),
    ):
        pass
    assert refusal.value.status_code == refusal.value.json()["status"] == 401
    assert refusal.value.headers["www-authenticate"] == "Bearer"


async def test_memory_forgets_callers() -> None:
    """However many came by."""
    counts = MemoryCounts()
    item = _per("1/second").limit
    for number in range(1000):
        counts.take([Hit("anonymous", str(number), item)])
    await asyncio.sleep(2.1)
    counts.take([Hit("anonymous", "new", item)])
    assert not [
        thing for thing in gc.get_objects() if isinstance(thing, dict) and "anonymous/999" in thing
    ]


async def test_many_at_once_are_counted_together(redis: Redis | None) -> None:
    """Each on its own all the same: no more pass than may, and nobody gets another's answer."""
    counts = Counts(redis)
    item = _per("50/minute").limit
    requests = [[Hit("anonymous", f"together {number % 3}", item)] for number in range(240)]
    answers = await asyncio.gather(*map(counts.take, requests))
    within = Counter(
        hits[0].caller for hits, [found] in zip(requests, answers, strict=True) if found.is_within
    )
    assert [*within.values()] == [50, 50, 50]


async def test_who_gives_up_holds_up_nobody(redis: Redis | None) -> None:
    """Be it the one that asks for all, one that waits, or one whose turn it would be."""
    counts = Counts(redis)
    item = _per("1000/minute").limit
    chance = random.Random(3)
    for number in range(100):
        hits = [[Hit("anonymous", f"given up {number}", item)] for _ in range(8)]
        takes = [asyncio.create_task(counts.take(one)) for one in hits]
        given_up = chance.sample(takes, 4)
        for one in given_up:
            for _ in range(chance.randrange(3)):
                await asyncio.sleep(0)
            one.cancel()
        async with asyncio.timeout(5):
            answers = await asyncio.gather(*takes, return_exceptions=True)
        for take, answer in zip(takes, answers, strict=True):
            assert isinstance(answer, list) or take in given_up


async def test_two_windows_are_weighed(redis: Redis | None) -> None:
    """Around the turn of a window no more pass than in one: there is no double portion."""
    hit = [Hit("anonymous", "a", _per("20/second").limit)]
    counts = Counts(redis)
    # In memory windows turn with the clock, in Redis with the first request.
    await asyncio.sleep(1 - time.time() % 1)
    turn = time.time() + 1
    await counts.take(hit)
    await asyncio.sleep(0.7)
    before = [(await counts.take(hit))[0].is_within for _ in range(30)]
    await asyncio.sleep(0.4)
    after = [(await counts.take(hit))[0].is_within for _ in range(30)]
    assert before.count(True) == 19
    assert 1 <= after.count(True) <= 20 * (time.time() - turn) + 1


@pytest.mark.parametrize(
    ("window", "remaining", "seconds"),
    [
        (Window(0, 0, 1, 120), 9, 60),
        (Window(0, 0, 10, 60.2), 0, 1),
        (Window(0, 0, 10, 85.5), 0, 26),
        (Window(10, 59.9, 0, 119.9), 1, 6),
        (Window(10, 30, 5, 90), 0, 1),
        (Window(10, 32, 4, 92), 1, 2),
        (Window(0, 0, 0, 0), 10, 1),
    ],
)
def test_what_is_left_and_when_there_will_be_more(
    window: Window, remaining: int, seconds: int
) -> None:
    """Ten a minute: of the window before, a request stops to count every six seconds."""
    found = standing(Hit("user", "a", _per("10/minute").limit), window, is_within=True)
    assert (found.remaining, found.seconds) == (remaining, seconds)


def _per(text: str) -> Limit:
    (limit,) = LimitGroup(text, lambda _, address: address, "x", False, None, None, None, 1, False)
    return limit
