"""What there is on the server before anybody attacks it."""

from tests.auth.people import eventually
from tests.hostile.serving import Server

DAY = 86400
# Tuesday 2024-01-02.
FIRST_DAY = 1704153600
# Monday 2024-06-10, 00:00 UTC.
FIRST_MINUTE = 1717977600
MINUTES = 10_000


def seed(server: Server) -> None:
    """A stock with days and a split, a coin with minutes that ticks built, one with posted ones; a
    chart with a pushed series.
    """
    server.put("/exchanges/US", calendar="24x7", name="US stock exchanges")
    server.put("/symbols/US:AAPL", name="Apple Inc.", type="stock")
    server.put("/symbols/US:MSFT", name="Microsoft Corporation", type="stock")
    server.put("/symbols/CRYPTO:BTCUSD", name="Bitcoin", type="coin")
    server.post("/bars", days("US:AAPL") + days("US:MSFT"))
    server.post("/bars", minutes("US:MSFT"))
    split = {"ex_date": "2024-06-10", "kind": "split", "value": 10}
    server.put("/symbols/US:AAPL/actions", items=[split])
    server.post("/ticks", ticks("CRYPTO:BTCUSD"))
    panes = [{"series": [{"id": "price", "type": "candlestick"}]}]
    chart = {"name": "desk", "panes": panes}
    server.client.post("/api/v1/charts", json=chart).raise_for_status()


def seed_index(server: Server) -> None:
    """The index of the examples, over both stocks."""
    build_index(server, "EW100")


def build_index(server: Server, code: str) -> str:
    """One of both stocks; its path, once it has levels."""
    universe = {"symbols": ["US:AAPL", "US:MSFT"]}
    rules = {"code": code, "count": None, "calendar": "24x7", "universe": universe}
    server.client.post("/api/v1/indices", json=rules).raise_for_status()
    path = f"/api/v1/indices/{code}"
    span = {"start": "2024-01-02", "end": "2024-10-26"}
    job = server.client.post(f"{path}/build", json=span).raise_for_status().json()
    for _ in eventually(20):
        if server.client.get(job["status_url"]).json()["status"] == "succeeded":
            break
    return path


def days(symbol: str) -> list[dict[str, object]]:
    return [bar(symbol, "1d", FIRST_DAY + number * DAY, 100 + number % 7) for number in range(300)]


def minutes(symbol: str) -> list[dict[str, object]]:
    return [
        bar(symbol, "1m", FIRST_MINUTE + number * 60, 100 + number % 7) for number in range(MINUTES)
    ]


def ticks(symbol: str) -> list[dict[str, object]]:
    return [
        {"symbol": symbol, "price": 60_000 + number % 11, "size": 1, "time": FIRST_MINUTE + number}
        for number in range(600)
    ]


def bar(symbol: str, resolution: str, time: int, price: float) -> dict[str, object]:
    prices = {"open": price, "high": price + 1, "low": price - 1, "close": price}
    return {"symbol": symbol, "resolution": resolution, "time": time, **prices, "volume": 10}


def facts(server: Server) -> list[object]:
    """Everything there is, to see that it is still the same."""
    symbols = [item["symbol"] for item in server.get("/symbols")["items"]]
    series = [
        # The clock alone closes bars.
        server.get(f"/bars/{symbol}", resolution=resolution, limit=20_000) | {"final_until": None}
        for symbol in symbols
        for resolution in ("1m", "1h", "1d", "1w")
    ]
    actions = [server.get(f"/symbols/{symbol}/actions") for symbol in symbols]
    return [server.get("/symbols"), server.get("/exchanges"), series, actions]
