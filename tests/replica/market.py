"""A symbol whose bars are asked for, and who has answered."""

import re
from itertools import count
from typing import Any

from tests.hostile.serving import Server, eventually

SYMBOL = "CRYPTO:REPLICATED"
MINUTE = 60
# Long ago, on a minute.
FIRST = 1_700_000_040
COUNT = 1500
CLOSES = map(float, count(10_000))


def post(server: Server, *closes: float, number: int = 0) -> None:
    """Bars of a minute, from the one with that number on."""
    bars = [
        {
            "symbol": SYMBOL,
            "resolution": "1m",
            "time": FIRST + (number + place) * MINUTE,
            **dict.fromkeys(("open", "high", "low", "close"), close),
            "volume": 1,
        }
        for place, close in enumerate(closes)
    ]
    assert server.post("/bars", bars)["rejected"] == 0


def fill(server: Server) -> None:
    server.put(f"/symbols/{SYMBOL}")
    post(server, *range(1, COUNT + 1))
    actions = [
        {"ex_date": "2023-11-15", "kind": kind, "value": 2} for kind in ("split", "dividend")
    ]
    server.put(f"/symbols/{SYMBOL}/actions", items=actions)


def change(server: Server) -> float:
    """The first bar and the newest one have this close, which none has had before."""
    close = next(CLOSES)
    post(server, close)
    post(server, close, number=COUNT - 1)
    return close


def bars(server: Server, **query: object) -> Any:
    return server.get(f"/bars/{SYMBOL}", resolution="1m", **query)


def newest(server: Server) -> float:
    """The close of the newest bar."""
    close: float = bars(server, limit=2)["close"][-1]
    return close


def old(server: Server) -> float:
    """The close of the first bar, in a window that newer bars have closed."""
    close: float = bars(server, start=FIRST, end=FIRST + MINUTE)["close"][0]
    return close


def answered(server: Server) -> tuple[float, float]:
    """How many reads the replica has answered, and how many the primary."""
    text = server.client.get("/metrics").text
    found = re.findall(r'^database_replica_reads_total{server="(.*)"} (\S+)$', text, re.MULTILINE)
    counts = {name: float(value) for name, value in found}
    return counts["replica"], counts["primary"]


def is_of_replica(server: Server) -> bool:
    """Whether the replica answers for what is newest."""
    before = answered(server)
    newest(server)
    return answered(server)[0] > before[0]


def wait_for_replica(server: Server) -> None:
    for _ in eventually(20):
        if is_of_replica(server):
            return


def reason(server: Server) -> str | None:
    """Why the replica is not used."""
    ready = server.client.get("/health/ready")
    assert ready.status_code == 200
    detail: str | None = ready.json()["dependencies"]["replica"]["detail"]
    assert ready.json()["status"] == ("ready" if detail is None else "degraded")
    return detail


def wait_for_reason(server: Server, words: str) -> None:
    for _ in eventually(20):
        if words in (reason(server) or ""):
            return


def seconds_behind(server: Server) -> float:
    return server.metric("database_replica_lag_seconds")
