"""A front end of lightweight-charts-pro, written from what is known of it.

It sends JSON and takes an object only; of an error it reads `error` or `detail`. On the socket it
waits for `connected`, and drops every frame that has another type, or fields of other types, than
it knows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from tests.auth.people import Person

Json = dict[str, Any]

NUMBER = (int, float)
# Types of frames, and what each has; those with a question mark may be left out.
FRAMES: dict[str, dict[str, type | tuple[type, ...]]] = {
    "connected": {"chartId": str},
    "initial_data_response": {
        "chartId": str,
        "panes?": list,
        "options?": dict,
        "seriesId?": str,
        "data?": list,
    },
    "history_response": {
        "chartId": str,
        "paneId": NUMBER,
        "seriesId": str,
        "data": list,
        "chunkInfo": dict,
        "hasMoreBefore": bool,
        "hasMoreAfter": bool,
        "totalCount": NUMBER,
    },
    "data_update": {
        "chartId": str,
        "paneId": NUMBER,
        "seriesId": str,
        "count": NUMBER,
        "append?": bool,
    },
    "pong": {},
    "ping": {"timestamp": NUMBER},
    "error": {"error": str, "errorCode?": str},
}


class Failed(Exception):
    """What the page would show."""

    def __init__(self, status: int, text: str, code: str | None) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


class FrontEnd:
    """One chart on one page."""

    def __init__(self, person: Person, chart: str) -> None:
        self.person = person
        self.chart = chart

    def call(self, method: str, path: str = "", body: object = None, **query: Any) -> Json:
        return self.send(method, path, None if body is None else orjson.dumps(body), **query)

    def send(self, method: str, path: str, content: bytes | None, **query: Any) -> Json:
        headers = {**self.person.headers, "content-type": "application/json"}
        answer = self.person.client.request(
            method,
            f"/api/charts/{self.chart}{path}",
            content=content,
            params=query,
            headers=headers,
        )
        told = answer.json()
        if not isinstance(told, dict):
            raise Failed(answer.status_code, "Unexpected answer", None)
        if not answer.is_success:
            text = told.get("error") or told.get("detail")
            assert isinstance(text, str)
            assert isinstance(told["detail"], str)
            raise Failed(answer.status_code, text, told.get("errorCode"))
        return told

    def set(
        self, series: str, data: list[Json], type: str = "line", pane: int = 0, **more: object
    ) -> Json:
        body = {"pane_id": pane, "series_type": type, "data": data, **more}
        return self.call("POST", f"/data/{series}", body)

    def append(self, series: str, data: list[Json], pane: int = 0) -> Json:
        return self.call("PATCH", f"/data/{series}", {"pane_id": pane, "data": data})

    def series(self, series: str, pane: int = 0) -> Json:
        return self.call("GET", f"/data/{pane}/{series}")

    def history(self, series: str, pane: int = 0, **query: Any) -> Json:
        return self.call("GET", f"/history/{pane}/{series}", **query)

    def whole_history(self, series: str) -> list[Json]:
        """As by scrolling to the left, to the first point."""
        part = self.series(series)
        data: list[Json] = part["data"]
        has_more = part.get("hasMoreBefore", False)
        while has_more:
            part = self.history(series, before_time=data[0]["time"], count=200)
            data = part["data"] + data
            has_more = part["hasMoreBefore"]
        return data

    @contextmanager
    def connect(self) -> Iterator["Socket"]:
        """Once it is `connected`."""
        client = self.person.client
        assert isinstance(client, TestClient)
        path = f"/ws/charts/{self.chart}"
        with client.websocket_connect(path, headers=self.person.headers) as raw:
            socket = Socket(raw)
            assert socket.hear() == {"type": "connected", "chartId": self.chart}
            yield socket


class Socket:
    def __init__(self, raw: WebSocketTestSession) -> None:
        self.raw = raw

    def say(self, type: str, **fields: object) -> None:
        self.raw.send_text(orjson.dumps({"type": type, **fields}).decode())

    def hear(self) -> Json:
        """The next frame; the page drops none of ours."""
        frame: Json = orjson.loads(self.raw.receive_text())
        assert is_known(frame), frame
        return frame

    def ask(self, type: str, **fields: object) -> Json:
        self.say(type, **fields)
        return self.hear()

    def hear_close(self) -> int:
        """The code that the server closes with, whatever it says before."""
        try:
            while True:
                self.hear()
        except WebSocketDisconnect as closed:
            return closed.code

    def hear_all(self) -> list[Json]:
        """What has come until a ping is answered."""
        self.say("ping")
        frames = []
        while (frame := self.hear())["type"] != "pong":
            frames.append(frame)
        return frames


def is_known(frame: Json) -> bool:
    fields = FRAMES.get(frame["type"])
    if fields is None:
        return False
    for name, kind in fields.items():
        value = frame.get(name.removesuffix("?"))
        if value is None and name.endswith("?"):
            continue
        if not isinstance(value, kind) or (kind is NUMBER and isinstance(value, bool)):
            return False
    return True
