"""What a client says on the socket of this protocol."""

from dataclasses import dataclass
from typing import Any

import orjson

from tradeapi.charts.chunks import Window
from tradeapi.compat.bodies import LAST_PANE
from tradeapi.compat.windows import DEFAULT_COUNT, MOST_COUNT, window_of
from tradeapi.errors import Invalid


@dataclass(frozen=True, slots=True)
class InitialData:
    """None: of all panes, and of all series."""

    pane: int | None
    series: str | None

    def of(self, chart: dict[str, Any]) -> dict[str, Any]:
        """What it asks for of a chart; panes without a series that is asked for are not told."""
        panes = [pane for pane in chart["panes"] if self.pane in {None, pane["paneId"]}]
        if self.series is not None:
            for pane in panes:
                pane["series"] = [one for one in pane["series"] if one["seriesId"] == self.series]
            panes = [pane for pane in panes if pane["series"]]
        return {**chart, "panes": panes}


@dataclass(frozen=True, slots=True)
class History:
    pane: int
    series: str
    window: Window


@dataclass(frozen=True, slots=True)
class Ping:
    """To be answered."""


@dataclass(frozen=True, slots=True)
class Pong:
    """An answer to ours."""


Asked = InitialData | History | Ping | Pong


def parse(text: str | None) -> Asked:
    """Raises Invalid, in words for the client."""
    if text is None:
        raise Invalid("Messages are text, this one was binary.")
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"The message is not JSON: {error}.") from error
    if not isinstance(message, dict):
        raise Invalid("A message is one JSON object.")
    match message.get("type"):
        case "ping":
            return Ping()
        case "pong":
            return Pong()
        case "get_initial_data":
            return InitialData(
                _pane(message) if message.get("paneId") is not None else None,
                _series(message) if message.get("seriesId") is not None else None,
            )
        case "request_history":
            count = message.get("count")
            window = window_of(
                _time(message, "beforeTime"),
                _time(message, "afterTime"),
                DEFAULT_COUNT if count is None else _number(message, "count", 1, MOST_COUNT),
            )
            return History(_pane(message), _series(message), window)
        case type:
            raise Invalid(f"There is no message of the type {str(type)[:40]!r}.")


def _pane(message: dict[str, Any]) -> int:
    return _number(message, "paneId", 0, LAST_PANE)


def _series(message: dict[str, Any]) -> str:
    series = message.get("seriesId")
    if not isinstance(series, str):
        raise Invalid("seriesId has to be a text.")
    return series


def _number(message: dict[str, Any], name: str, least: int, most: int) -> int:
    number = message.get(name)
    if type(number) is not int or not least <= number <= most:
        raise Invalid(f"{name} has to be a number from {least} to {most:,}.")
    return number


def _time(message: dict[str, Any], name: str) -> float | None:
    time = message.get(name)
    if time is not None and type(time) not in {int, float}:
        raise Invalid(f"{name} has to be a number.")
    return time
