"""A server that webhooks are sent to: it keeps how many microseconds ago each price was posted that
it is told of, and tells whoever asks, once.
"""

import uvloop
from orjson import dumps, loads
from starlette.types import Receive, Scope, Send

from benchmarks.streams.publisher import stamp
from benchmarks.streams.servers import Uvicorn


class Receiver:
    """An ASGI application. The price is the instant at which it was posted."""

    def __init__(self) -> None:
        # A message may come twice.
        self._delays: dict[float, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        now, body = stamp(), b""
        if scope["method"] == "POST":
            is_whole = False
            while not is_whole:
                message = await receive()
                body += message["body"]
                is_whole = not message.get("more_body")
            price = loads(body)["data"]["price"]
            self._delays.setdefault(price, now - price)
            status, body = 204, b""
        else:
            status, body = 200, dumps([*self._delays.values()])
            self._delays.clear()
        headers = [(b"content-length", b"%d" % len(body))] if body else []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def receive() -> None:
    server = Uvicorn(Receiver())
    # Who tells seldom may keep the connection, too.
    server.config.timeout_keep_alive = 3600
    await server.serve()


if __name__ == "__main__":
    uvloop.run(receive())
