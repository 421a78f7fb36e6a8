"""How far a client has read its topics, as one text: the id of a server-sent event."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

from tradeapi.streams.requests import Position

# It comes back in every later id until its topic tells a position: a line break would begin a field
# of an event, and a long text would be sent again and again.
_position = re.compile(r"([\w-]{1,64})\.(\d{1,18})", re.ASCII).fullmatch


class Bookmark:
    """Positions in the order of the topics' names, which the text leaves out: it is sent with each
    frame, and comes back in a header.

    Clients that go on have positions from the beginning.
    """

    def __init__(self, topics: Sequence[str], positions: Mapping[str, Position]) -> None:
        names = sorted(topics)
        self._places = {name: place for place, name in enumerate(names, 1)}
        self._epochs = {name: position.epoch for name, position in positions.items()}
        self._parts = [_mark(names), *[_part(positions.get(name)) for name in names]]

    def move(self, frame: Mapping[str, Any]) -> str | None:
        """The positions after the frame; None where it moves none."""
        name = frame.get("topic", "")
        place, seq = self._places.get(name), frame.get("seq")
        epoch = frame.get("epoch", self._epochs.get(name))
        if frame["type"] == "resumed":
            # What it names has yet to come.
            seq = frame["from"] - 1
        if place is None or epoch is None or seq is None:
            return None
        self._epochs[name] = epoch
        self._parts[place] = _part(Position(epoch, seq))
        return "~".join(self._parts)


def positions_in(text: str, topics: Sequence[str]) -> Mapping[str, Position]:
    """What a bookmark of these topics says; nothing where it is none."""
    names = sorted(topics)
    mark, *parts = text.split("~")
    if mark != _mark(names) or len(parts) != len(names):
        return {}
    found = {name: _position(part) for name, part in zip(names, parts, strict=True)}
    return {name: Position(part[1], int(part[2])) for name, part in found.items() if part}


def _part(position: Position | None) -> str:
    return f"{position.epoch}.{position.seq}" if position else ""


def _mark(names: Sequence[str]) -> str:
    """Positions of other topics may look like ours."""
    return f"{crc32(chr(10).join(names).encode(errors='replace')):08x}"
