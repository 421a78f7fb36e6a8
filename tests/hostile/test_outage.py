"""PostgreSQL is killed while requests and ticks are under way, and comes back."""

import json
import threading
import time
from pathlib import Path

import httpx2

from tests.hostile.postgres import postgres
from tests.hostile.serving import serve
from tradeapi.migrations import upgrade


def test_explore(tmp_path: Path) -> None:
    with postgres() as database:
        t = time.time()
        upgrade(database.url)
        print("migrated", time.time() - t)
        with serve(database.url, tmp_path) as server:
            server.put("/symbols/CRYPTO:BTC", name="b")
            stop = threading.Event()
            out = []

            def loop(name, do):
                n = 0
                with httpx2.Client(
                    base_url=server.client.base_url, timeout=60, trust_env=False
                ) as c:
                    while not stop.is_set():
                        b = time.time()
                        try:
                            r = do(c, n)
                            out.append(
                                (
                                    b - T0,
                                    name,
                                    round(time.time() - b, 3),
                                    r.status_code,
                                    r.json().get("code") if r.status_code != 200 else "",
                                    r.headers.get("retry-after"),
                                )
                            )
                        except Exception as e:
                            out.append((b - T0, name, round(time.time() - b, 3), repr(e), "", ""))
                        n += 1
                        time.sleep(0.02)

            T0 = time.time()
            jobs = {
                "tick": lambda c, n: c.post(
                    "/api/v1/ticks",
                    json={
                        "symbol": "CRYPTO:BTC",
                        "price": 1 + n % 5,
                        "size": 1,
                        "time": int(time.time()) - n % 600,
                        "id": f"t{n}",
                    },
                ),
                "bars": lambda c, n: c.get("/api/v1/bars/CRYPTO:BTC?resolution=1m"),
                "sym": lambda c, n: c.get("/api/v1/symbols"),
                "put": lambda c, n: c.put(f"/api/v1/symbols/CRYPTO:BTC{n % 3}", json={}),
                "act": lambda c, n: c.put("/api/v1/symbols/CRYPTO:BTC/actions", json={"items": []}),
                "health": lambda c, n: c.get("/health"),
                "ready": lambda c, n: c.get("/health/ready"),
                "quotes": lambda c, n: c.get("/api/v1/quotes?symbols=CRYPTO:BTC"),
                "met": lambda c, n: c.get("/api/v1/exchanges"),
            }
            ts = [threading.Thread(target=loop, args=i) for i in jobs.items()]
            [x.start() for x in ts]
            time.sleep(1)
            print("kill", time.time() - T0)
            database.kill()
            time.sleep(1)
            print("start", time.time() - T0)
            database.start()
            print("started", time.time() - T0)
            time.sleep(1)
            stop.set()
            [x.join() for x in ts]
            import collections

            for name in jobs:
                rows = [o for o in out if o[1] == name]
                print(
                    name,
                    "max wait",
                    max(o[2] for o in rows),
                    "first bad",
                    next((o for o in rows if o[3] != 200 and o[3] != 201), None),
                    "last bad",
                    ([o for o in rows if o[3] not in (200, 201)] or [None])[-1],
                    collections.Counter((o[3], o[4], o[5]) for o in rows),
                )
            for c in server.crashes:
                print(
                    "CRASH",
                    [
                        (
                            e["exc_type"],
                            e["exc_value"][:300],
                            [(f["filename"][-45:], f["lineno"], f["name"]) for f in e["frames"]],
                        )
                        for e in json.loads(c).get("exception", [])
                    ]
                    or c[:500],
                )
