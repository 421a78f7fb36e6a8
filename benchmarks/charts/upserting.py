"""The floor of appending points: `URL`, bare ASGI that upserts one row for each and commits."""

import sys

import asyncpg
import orjson
import uvloop
from starlette.types import Receive, Scope, Send

from benchmarks.charts.desks import NAMES
from benchmarks.streams.servers import Uvicorn

_TABLE = """
CREATE TABLE floor_points (series int, time bigint, open float8, high float8, low float8,
  close float8, PRIMARY KEY (series, time))
"""
_UPSERT = """
INSERT INTO floor_points VALUES (1, $1, $2, $3, $4, $5) ON CONFLICT (series, time) DO UPDATE
SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close
"""


async def serve(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(_TABLE)

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        point = orjson.loads((await receive())["body"])
        await connection.execute(_UPSERT, *(point[name] for name in NAMES))
        body = b'{"count":1}'
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    await Uvicorn(app).serve()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
