"""API processes that serve one database at the same time."""

import httpx2

from tests.processes.conftest import Start

SERVE = ("serve", "--port", "0")


def test_two_serve_at_once(tradeapi: Start, database_url: str, redis_url: str) -> None:
    """What one is given the other has."""
    settings = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "DEMO": "false"}
    processes = [tradeapi(*SERVE, **settings) for _ in range(2)]
    one, two = (process.address() for process in processes)
    assert httpx2.put(f"{one}/api/v1/symbols/X:A", json={}).is_success
    bar = {"symbol": "X:A", "time": 1_700_000_040, "open": 1, "high": 1, "low": 1, "close": 1}
    posted = httpx2.post(f"{two}/api/v1/bars", json={**bar, "resolution": "1m", "volume": 1})
    assert posted.is_success, posted.text
    found = httpx2.get(f"{one}/api/v1/bars/X:A", params={"resolution": "1m"}).json()
    assert found["time"] == [1_700_000_040]
