"""Whether what is shown looks like what really came: the same fields, types and words."""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

Json = Any

# What these say is part of the shape; other texts are values.
WORDS = {"adjustment", "code", "kind", "reason", "resolution", "status", "type"}

_number = re.compile(r"\d[\d.,:-]*")


def parse_all(text: str) -> Sequence[Json]:
    """The values of a text that holds several, with or without white space in between."""
    decoder = json.JSONDecoder()
    values = []
    place = 0
    while text[place:].strip():
        place += len(text[place:]) - len(text[place:].lstrip())
        value, place = decoder.raw_decode(text, place)
        values.append(value)
    return values


def differences(shown: Json, real: Json, place: str = "") -> Iterator[str]:
    """Where they differ in more than values; of lists what both have is compared, in order.

    >>> [*differences({"a": [1], "b": None}, {"a": [2.5, 3], "c": "x"})]
    ['/b is shown and is not there', '/c is there and is not shown', '/a/0 is float, not int']
    """
    if isinstance(shown, dict) and isinstance(real, dict):
        yield from (
            f"{place}/{name} is shown and is not there" for name in shown if name not in real
        )
        yield from (
            f"{place}/{name} is there and is not shown" for name in real if name not in shown
        )
        for name in shown.keys() & real.keys():
            yield from differences(shown[name], real[name], f"{place}/{name}")
    elif isinstance(shown, list) and isinstance(real, list):
        if bool(shown) != bool(real):
            yield f"{place} has {len(real)} items, not {len(shown)}"
        for index, (one, other) in enumerate(zip(shown, real, strict=False)):
            yield from differences(one, other, f"{place}/{index}")
    elif type(shown) is not type(real):
        yield f"{place} is {type(real).__name__}, not {type(shown).__name__}"
    elif place.rpartition("/")[2] in WORDS and shown != real:
        yield f"{place} is {real!r}, not {shown!r}"


def different_lines(shown: str, real: str) -> Iterator[str]:
    """Lines that differ in more than numbers and the space between columns."""
    for one, other in zip_longest(shown.splitlines(), real.splitlines(), fillvalue=""):
        if _plain(one) != _plain(other):
            yield f"{one!r} is {other!r}"


def _plain(line: str) -> str:
    return " ".join(_number.sub("N", line).split())
