"""Answers that are kept, around an application of a few lines."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradeapi.web.cache import OVERHEAD_BYTES, Cache, keep
from tradeapi.web.envelope import ROUTE_TEMPLATE
from tradeapi.web.principal import PRINCIPAL, Principal

Headers = list[tuple[bytes, bytes]]


@dataclass
class Maker:
    """Answers with the number of the answer; `is_good` decides how long such answers hold."""

    is_good: Callable[[], bool] | None = lambda: True
    status: int = 200
    padding: int = 0
    seconds: float = 0
    made: int = 0
    fails: bool = False
    state: str = "1"
    headers: Headers = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        self.made += 1
        number = self.made
        if self.is_good is not None:
            keep(scope, self.is_good, state=self.state)
        await asyncio.sleep(self.seconds)
        if self.fails:
            raise ValueError
        start = {"type": "http.response.start", "status": self.status, "headers": self.headers}
        await send(start)
        await send({"type": "http.response.body", "body": b"%d" % number, "more_body": True})
        await send({"type": "http.response.body", "body": b" " * self.padding})


@dataclass
class Answer:
    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""
    scope: Scope = field(default_factory=dict)


async def ask(app: ASGIApp, path: str = "/kept/a", **headers: str) -> Answer:
    method = headers.pop("method", "GET")
    query = headers.pop("query", "")
    answer = Answer(
        scope={
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
            ],
            "fastapi": {},
            ROUTE_TEMPLATE: "/kept/{name}",
            PRINCIPAL: Principal(may_browse=True),
        }
    )

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            assert not answer.status
            answer.status, answer.headers = message["status"], dict(message["headers"])
            # As the layers outside do.
            message["headers"].append((b"x-request-id", b"1"))
        else:
            assert answer.status
            answer.body += message.get("body", b"")

    await app(answer.scope, receive, send)
    return answer


def around(maker: Maker, bytes: int = 1_000_000) -> Cache:
    return Cache(maker, name="responses", prefix="/kept/", bytes=bytes)


async def test_an_answer_is_given_again_while_it_holds() -> None:
    """With all its headers, and the route of whoever made it."""
    is_good = True
    maker = Maker(lambda: is_good, headers=[(b"content-type", b"a/b"), (b"vary", b"A, B, B")])
    app = around(maker)
    first, second = await ask(app), await ask(app)
    assert first.body == second.body == b"1"
    assert first.headers == second.headers
    assert second.headers[b"vary"] == b"A, B"
    assert b"x-request-id" not in second.headers
    assert second.scope[ROUTE_TEMPLATE] == "/kept/{name}"
    is_good = False
    assert (await ask(app)).body == b"2"


async def test_only_the_same_question_has_the_same_answer() -> None:
    """The same path, query and codings; and only below the prefix, and only to GET."""
    maker = Maker()
    app = around(maker)
    for path, headers in (
        ("/kept/a", {}),
        ("/kept/b", {}),
        ("/kept/a", {"query": "x=1"}),
        ("/kept/a", {"query": "x=2"}),
        ("/kept/a", {"accept_encoding": "gzip"}),
        ("/kept/a", {"accept_encoding": "gzip;q=0"}),
        ("/kept/a", {"accept_encoding": "*"}),
        ("/kept/a", {"accept_encoding": "br, gzip, zstd"}),
        ("/kept/a", {"method": "HEAD"}),
        ("/kept/a", {"method": "POST"}),
        ("/else/a", {}),
        ("/else/a", {}),
    ):
        made = maker.made
        assert (await ask(app, path, **headers)).body == b"%d" % (made + 1), headers
    made = maker.made
    for spelling in ("gzip", "GZIP", " gzip , identity", "gzip,deflate"):
        await ask(app, accept_encoding=spelling)
    await ask(app, accept_encoding="zstd,gzip,br")
    assert maker.made == made


@pytest.mark.parametrize("maker", [Maker(None), Maker(status=404), Maker(lambda: False)])
async def test_what_is_not_to_be_kept_is_made_each_time(maker: Maker) -> None:
    """Those who wait for the same at the same time get one each."""
    app = around(maker)
    answers = await asyncio.gather(*(ask(app) for _ in range(5)))
    assert {answer.body for answer in answers} == {b"%d" % number for number in range(1, 6)}


async def test_an_error_is_not_kept() -> None:
    """It goes to whoever asked; those who waited make an answer of their own."""
    maker = Maker(seconds=0.01, fails=True)
    app = around(maker)
    errors = await asyncio.gather(*(ask(app) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in errors] == [ValueError] * 3
    maker.fails = False
    assert (await ask(app)).body == b"4"


async def test_of_many_who_ask_at_once_one_makes_the_answer() -> None:
    """The others wait for it; should that one leave, another does."""
    maker = Maker(seconds=0.02)
    app = around(maker)
    first = asyncio.create_task(ask(app))
    await asyncio.sleep(0)
    others = [asyncio.create_task(ask(app)) for _ in range(10)]
    await asyncio.sleep(0.005)
    first.cancel()
    assert {answer.body for answer in await asyncio.gather(*others)} == {b"2"}
    assert maker.made == 2


async def test_what_changed_while_it_was_made_is_made_anew() -> None:
    """Nobody gets an answer that was made before the change he knows of."""
    version = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal version
        read = version
        keep(scope, lambda: read == version, state="")
        await asyncio.sleep(0.005)
        version += read == 0
        await Maker(None, headers=[(b"version", b"%d" % read)])(scope, receive, send)

    answers = await asyncio.gather(
        *(ask(Cache(app, name="responses", prefix="/kept/", bytes=10**6)) for _ in "abc")
    )
    assert {answer.headers[b"version"] for answer in answers} == {b"0"}
    shared, version = Cache(app, name="responses", prefix="/kept/", bytes=10**6), 0
    answers = await asyncio.gather(*(ask(shared) for _ in "abc"))
    assert [answer.headers[b"version"] for answer in answers] == [b"0", b"1", b"1"]


async def test_a_known_etag_gets_no_body() -> None:
    """Whether the answer was kept or is made for it."""
    maker = Maker(headers=[(b"content-type", b"a/b"), (b"content-length", b"1"), (b"vary", b"A")])
    app = around(maker)
    etag = (await ask(app)).headers[b"etag"].decode()
    for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        for query in ("", "other"):
            answer = await ask(app, query=query, if_none_match=known)
            if query and known != "*":
                assert answer.status == 200
            else:
                assert (answer.status, answer.body) == (304, b"")
                assert set(answer.headers) == {b"vary", b"etag"}
    assert (await ask(app, if_none_match=etag.strip('"'))).status == 200
    assert (await ask(app, if_none_match='"x"')).status == 200


async def test_an_etag_is_of_the_state_and_the_bytes() -> None:
    """The same in every process; another when either is."""
    makers = [Maker(), Maker(), Maker(padding=1), Maker(state="2")]
    etags = [(await ask(around(maker))).headers[b"etag"] for maker in makers]
    assert etags[0] == etags[1]
    assert len(set(etags)) == 3


async def test_what_is_asked_for_least_goes_first() -> None:
    """There is room for three; one answer never takes the room of many."""
    maker = Maker(padding=100_000)
    app = around(maker, bytes=3 * (100_000 + OVERHEAD_BYTES + 100) * 8 // 3)
    for name in "abcdefgh":
        await ask(app, f"/kept/{name}")
    await ask(app, "/kept/a")
    assert maker.made == 8
    await ask(app, "/kept/i")
    await ask(app, "/kept/a")
    assert maker.made == 9
    await ask(app, "/kept/b")
    assert maker.made == 10
    maker.padding = 200_000
    for _ in range(2):
        await ask(app, "/kept/large")
    assert maker.made == 12


async def test_what_does_not_hold_takes_no_room() -> None:
    """It would push out what does."""
    maker = Maker(padding=100_000)
    app = around(maker, bytes=8 * (100_000 + OVERHEAD_BYTES + 100))
    await ask(app, "/kept/good")
    maker.is_good = lambda: False
    for name in "abcdefgh":
        assert (await ask(app, f"/kept/{name}")).headers[b"etag"]
    await ask(app, "/kept/good")
    assert maker.made == 9


async def test_other_connections_pass() -> None:
    """Sockets and the lifespan."""
    seen = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        seen.append(scope["type"])

    async def nothing(*_: object) -> Message:
        return {}

    for type in ("websocket", "lifespan"):
        await Cache(app, name="responses", prefix="/", bytes=0)({"type": type}, nothing, nothing)  # type: ignore[arg-type]
    assert seen == ["websocket", "lifespan"]
