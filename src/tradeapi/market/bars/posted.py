"""Bodies that carry many items: an array, `{"items": [...]}`, one object, or NDJSON."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeVar

import orjson
from anyio import to_thread
from fastapi import Request, Response
from pydantic import BaseModel

from tradeapi.errors import Invalid, TooLarge, TradeError, UnsupportedMedia
from tradeapi.web.media_types import media_type_of

NDJSON = "application/x-ndjson"
# From this many items on the work goes to a thread, so that it holds up nobody else.
MANY = 500
# A few bytes can be an item, and each is answered with a hundred.
MOST_ITEMS = 100_000
# The JSON parser lets no other thread run, so that it gets this much at a time.
BYTES_AT_ONCE = 512 * 1024

Items = list[Any]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an item can't be taken."""

    code: str
    detail: str


class Outcomes:
    """What became of each item of a request."""

    def __init__(self, count: int) -> None:
        self.statuses = ["rejected"] * count
        self._refusals: dict[int, bytes] = {}

    def refuse(self, place: int, refusal: Refusal) -> None:
        self._refusals[place] = orjson.dumps(refusal)[1:-1]

    def refuse_all(self, items: Iterable[tuple[Any, ...]], error: TradeError) -> None:
        """`items` begin with their place."""
        refusal = Refusal(error.code, str(error))
        for item in items:
            self.refuse(item[0], refusal)

    def dump(self, statuses: tuple[str, ...]) -> bytes:
        """As JSON, with how many there are of each status."""
        found = Counter(self.statuses)
        counts = orjson.dumps({status: found[status] for status in statuses})[:-1]
        ends = {status: f',"status":"{status}",'.encode() for status in statuses}
        items = b",".join(
            b'{"index":%d%b%b}' % (place, ends[status], self._refusals.get(place, _NO_REFUSAL))
            for place, status in enumerate(self.statuses)
        )
        return b'%b,"items":[%b]}' % (counts, items)


_NO_REFUSAL = b'"code":null,"detail":null'


class Form:
    """What the objects of a request look like: texts come first, then what else is required."""

    def __init__(
        self, texts: tuple[str, ...], others: tuple[str, ...], optional: str, numbers: slice
    ) -> None:
        self._texts = len(texts)
        self._required = texts + others
        self._optional = optional
        self._numbers = numbers
        self._names = (*self._required, optional)
        self._get = itemgetter(*self._required)

    def read(self, item: object) -> tuple[Any, ...] | Refusal:
        """Its values, the optional one last, None where it is missing; values are not judged."""
        if type(item) is not dict:
            return item if isinstance(item, Refusal) else _NO_OBJECT
        try:
            row = (*self._get(item), item.get(self._optional))
        except KeyError as missing:
            return Refusal("missing_field", f"The field {missing.args[0]} is missing.")
        if len(item) > len(self._required):
            unknown = item.keys() - self._names
            if unknown:
                return Refusal("unknown_field", f"There is no field {min(unknown)[:40]!r}.")
        if not {*map(type, row[: self._texts])} <= _TEXT:
            return self._fault(row, slice(self._texts), _TEXT, "text")
        if not {*map(type, row[self._numbers])} <= _NUMBERS:
            return self._fault(row, self._numbers, _NUMBERS, "a number")
        return row

    def _fault(self, row: tuple[Any, ...], part: slice, types: set[type], expected: str) -> Refusal:
        wrong = next(
            name
            for name, value in zip(self._names[part], row[part], strict=True)
            if type(value) not in types
        )
        return Refusal("invalid_field", f"The {wrong} has to be {expected}.")


_TEXT: set[type] = {str}
# A number that is not there is told from one that is wrong later.
_NUMBERS: set[type] = {int, float, type(None)}
_NO_OBJECT = Refusal("invalid_item", "An item has to be an object.")


async def read_items(request: Request, parse: Callable[[Items], Result]) -> Result:
    """What `parse` makes of the body's items; a line that is no JSON is a Refusal among them."""
    media_type = media_type_of(request)
    if media_type not in {"application/json", NDJSON}:
        accepted = f"application/json or {NDJSON}"
        raise UnsupportedMedia(f"The body has to be {accepted}, and Content-Type to say which.")
    split = _lines if media_type == NDJSON else _json
    body = await request.body()
    # About as many bytes as an item has at least.
    return await in_turn(len(body) // 64, lambda: parse(_few(split(body))))


async def in_turn(count: int, work: Callable[[], Result]) -> Result:
    """Do it here or, for so many items that others would notice, in a thread."""
    return work() if count < MANY else await to_thread.run_sync(work)


async def outcomes_response(outcomes: Outcomes, statuses: tuple[str, ...]) -> Response:
    body = await in_turn(len(outcomes.statuses), lambda: outcomes.dump(statuses))
    return Response(body, media_type="application/json", headers={"cache-control": "no-store"})


def describe_items(item: type[BaseModel]) -> dict[str, Any]:
    """For a route's `openapi_extra`: the bodies of such items that `read_items` reads."""
    one = item.model_json_schema()
    [example] = one["examples"]
    # Whatever else an item is, the request is answered: it is refused on its own.
    many = {"type": "array", "items": {"anyOf": [one, {}]}}
    named = {"type": "object", "properties": {"items": many}, "required": ["items"]}
    content = {
        "application/json": {
            "schema": {"anyOf": [named, many, one, {"type": "object"}]},
            "example": [example],
        },
        NDJSON: {
            "schema": {"type": "string", "description": "One object per line."},
            "example": orjson.dumps(example).decode() + "\n",
        },
    }
    return {"requestBody": {"required": True, "content": content}}


def _json(body: bytes) -> Items:
    try:
        content = _loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"The body is not JSON: {error}.", code="bad_body") from error
    if isinstance(content, dict):
        named = content.get("items") if len(content) == 1 else None
        content = named if isinstance(named, list) else [content]
    if not isinstance(content, list):
        raise Invalid(
            'The body has to be an item, an array of items or {"items": [...]}.', code="bad_body"
        )
    return content


def _loads(body: bytes) -> Any:  # noqa: ANN401  it is whatever the caller sent
    """A long array of objects is read in parts; what is no such array then is no JSON in parts."""
    if len(body) > BYTES_AT_ONCE and body[:2] == b"[{":
        try:
            return [item for part in _parts(body) for item in orjson.loads(part)]
        except orjson.JSONDecodeError:
            pass
    return orjson.loads(body)


def _parts(body: bytes) -> Iterator[bytes]:
    start = 1
    while True:
        end = body.find(b"},{", start + BYTES_AT_ONCE)
        if end < 0:
            yield b"[" + body[start:]
            return
        yield b"[%b}]" % body[start:end]
        start = end + 2


def _few(items: Items) -> Items:
    if len(items) > MOST_ITEMS:
        raise TooLarge(f"The body has more than {MOST_ITEMS:,} items.", code="too_many_items")
    return items


def _lines(body: bytes) -> Items:
    if body.count(b"\n") > MOST_ITEMS:
        raise TooLarge(f"The body has more than {MOST_ITEMS:,} lines.", code="too_many_items")
    return [_line(line) for line in body.splitlines() if line.strip()]


def _line(line: bytes) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return Refusal("bad_json", f"The line is not JSON: {error}.")
