"""Frames of every type, as a client of the running service gets them."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx2
import orjson
from websockets.sync.client import ClientConnection, connect

from tests.documents.demo import Demo
from tests.notifications.telling import notice, on, tell
from tests.streams.documented import Frame, frame_of
from tests.tracked.watched import asked_for
from tradeapi.auth.dev import DEV_USER
from tradeapi.bus.memory import MemoryBus
from tradeapi.bus.port import State
from tradeapi.clock import SystemClock
from tradeapi.streams import protocol
from tradeapi.streams.positions import position
from tradeapi.streams.status import StatusSource
from tradeapi.streams.topics import Topic
from tradeapi.tracked.progress import begin
from tradeapi.web.principal import Principal, Scope

SYMBOL = "TEST:FRAMES"
BARS = f"bars:{SYMBOL}:1m"
QUOTES = "quotes:SIM:ETHUSD"
NOWHERE = "quotes:SIM:NOPE"
PATIENCE_SECONDS = 20
DAY = 86400


class Listener:
    """One socket, and all that was heard on it."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.heard: list[Frame] = []

    def say(self, **frame: object) -> None:
        self._connection.send(orjson.dumps(frame).decode())

    def hear(self, type: str, topic: str | None = None) -> Frame:
        """The next frame of this type and topic."""
        while True:
            frame = frame_of(self._connection.recv(timeout=PATIENCE_SECONDS))
            self.heard.append(frame)
            if frame["type"] == type and frame.get("topic") == topic:
                return frame


@contextmanager
def listener(demo: Demo) -> Iterator[Listener]:
    with connect(f"ws{demo.url.removeprefix('http')}/ws", proxy=None) as connection:
        yield Listener(connection)


def hear_all(demo: Demo) -> Sequence[Frame]:
    """At least one frame of each type."""
    with httpx2.Client(base_url=f"{demo.url}/api/v1") as api, listener(demo) as first:
        _ok(api.put(f"/symbols/{SYMBOL}", json={}))
        now = int(time.time())
        for instant in (now - 600, now - 300):
            _trade(api, instant)
        first.say(op="ping", id=3)
        first.hear("pong")
        first.say(op="subscribe", id=1, topics=[BARS, QUOTES, NOWHERE], history=1)
        snapshot = first.hear("snapshot", BARS)
        _trade(api, now)
        first.hear("bar", BARS)
        _trade(api, now - 600)
        first.hear("revise", BARS)
        first.hear("quote", QUOTES)
        _trade(api, now - 900)
        first.hear("reset", BARS)
        position = first.hear("snapshot", BARS)
        first.say(op="subscribe", id=1, topics=["status"])
        first.hear("snapshot", "status")
        _follow_chart(api, first)
        _follow_watchlist(api, first)
        _follow_index(api, first)
        _follow_inbox(demo, api, first)
        _follow_job(demo, api, first)
        first.say(op="replay", id=5, topic=BARS, start=0, speed=100_000)
        for _ in ("started", "ended"):
            first.hear("replay")
        first.say(op="subscribe", id=4, topics=[f"{NOWHERE}{i}" for i in range(501)])
        first.hear("error")
        with listener(demo) as second:
            resume = {BARS: {"epoch": snapshot["epoch"], "seq": position["seq"]}}
            second.say(op="subscribe", id=1, topics=[BARS, NOWHERE], resume=resume)
            second.hear("resumed", BARS)
        # These would take somebody who logs in, a quarter of an hour, and the service.
        others = [
            protocol.auth(0, Principal(user=uuid4(), scopes=frozenset({Scope.READ}), expires=now)),
            protocol.auth_expiring(60),
            protocol.heartbeat(time.time()),
            protocol.bye("restart", 4.372),
            _degraded(),
        ]
        return [*first.heard, *second.heard, *map(orjson.loads, others)]


def _follow_chart(api: httpx2.Client, guest: Listener) -> None:
    series = [{"id": "price", "type": "line"}]
    chart = {"name": "frames", "panes": [{"series": series}]}
    id = _ok(api.post("/charts", json=chart)).json()["id"]
    points, topic = f"/charts/{id}/series/price/points", f"charts:{id}"
    _ok(
        api.put(points, json=[{"time": 1704153600 + day * 86400, "value": 187.2} for day in (0, 1)])
    )
    guest.say(op="subscribe", id=1, topics=[topic])
    guest.hear("snapshot", topic)
    _ok(api.post(points, json={"time": 1704240000, "value": 184.5}))
    guest.hear("points", topic)
    _ok(api.put(points, json=[{"time": 1704326400, "value": 181.9}]))
    guest.hear("series", topic)
    _ok(api.patch(f"/charts/{id}", json={"title": "My desk"}))
    guest.hear("chart", topic)


def _follow_watchlist(api: httpx2.Client, guest: Listener) -> None:
    id = _ok(api.post("/watchlists", json={"name": "Frames"})).json()["id"]
    path, topic = f"/watchlists/{id}", f"watchlists:{id}"
    # It is traded day and night.
    item = {"symbol": QUOTES.removeprefix("quotes:"), "target_price": 620.5}
    _ok(api.post(f"{path}/items", json=item))
    guest.say(op="subscribe", id=1, topics=[topic])
    guest.hear("snapshot", topic)
    guest.hear("quotes", topic)
    _ok(api.patch(path, json={"name": "Other frames"}))
    guest.hear("watchlist", topic)
    _ok(api.delete(path))


def _follow_index(api: httpx2.Client, guest: Listener) -> None:
    """Of the larger one of two, which is another one after three days."""
    closes, today = {"TEST:ONE": (10, 10, 10), "TEST:TWO": (5, 5, 20)}, int(time.time()) // DAY
    days = [(today - back) * DAY for back in (3, 2, 1)]
    for symbol, prices in closes.items():
        _ok(api.put(f"/symbols/{symbol}", json={"type": "other"}))
        shares = {"items": [{"effective": None, "shares": 1000.0}]}
        _ok(api.put(f"/symbols/{symbol}/shares", json=shares))
        for day, price in zip(days, prices, strict=True):
            bar = dict.fromkeys(("open", "high", "low", "close"), price)
            _ok(api.post("/bars", json={"symbol": symbol, "resolution": "1d", "time": day} | bar))
    universe = {"types": [], "symbols": [*closes]}
    # The documents may have made one.
    api.delete("/indices/EW100")
    _ok(api.post("/indices", json={"code": "EW100", "count": 1, "universe": universe}))
    topic, second = "indices:EW100", datetime.fromtimestamp(days[1], UTC).date()
    _ok(api.post("/indices/EW100/build", json={"end": second.isoformat()}))
    guest.say(op="subscribe", id=1, topics=[topic])
    if guest.hear("snapshot", topic)["revision"] == 0:
        guest.hear("index_built", topic)
    _ok(api.post("/indices/EW100/build", json={}))
    guest.hear("index_built", topic)
    guest.hear("index_rebalanced", topic)
    guest.say(op="subscribe", id=1, topics=[topic])
    guest.hear("snapshot", topic)
    _ok(api.delete("/indices/EW100"))


def _follow_inbox(demo: Demo, api: httpx2.Client, guest: Listener) -> None:
    topic, data = "notifications", {"symbol": SYMBOL, "price": 1.5}
    url = demo.environment["DATABASE_URL"]
    tell(url, notice(DEV_USER, "first", data=data))
    guest.say(op="subscribe", id=1, topics=[topic])
    guest.hear("snapshot", topic)
    tell(url, notice(DEV_USER, "second", data=data))
    id = guest.hear("notification", topic)["notification"]["id"]
    _ok(api.patch(f"/notifications/{id}", json={"read": True}))
    guest.hear("mark", topic)
    _ok(api.delete("/notifications"))
    guest.hear("inbox", topic)


def _follow_job(demo: Demo, api: httpx2.Client, guest: Listener) -> None:
    """One that somebody is at, who has not heard that it is to stop."""
    url = demo.environment["DATABASE_URL"]
    id = asked_for(url, DEV_USER)
    on(url, lambda database: begin(database, MemoryBus(), SystemClock(), UUID(id)))
    topic = f"jobs:{id}"
    guest.say(op="subscribe", id=1, topics=[topic])
    guest.hear("snapshot", topic)
    _ok(api.delete(f"/jobs/{id}"))
    guest.hear("job", topic)


def _degraded() -> str:
    """What is told when Redis has gone."""
    topic = Topic("status")
    source = StatusSource(topic, MemoryBus())
    topic.begin("e", 0)
    source.tell(State("degraded", time.time()))
    [frame] = topic.since(position(0)) or []
    return frame.text


def _trade(api: httpx2.Client, instant: int) -> None:
    tick = {"symbol": SYMBOL, "price": 10, "size": 1, "time": instant}
    assert _ok(api.post("/ticks", json=tick)).json()["accepted"] == 1


def _ok(answer: httpx2.Response) -> httpx2.Response:
    assert answer.is_success, answer.text
    return answer
