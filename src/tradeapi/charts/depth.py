"""How deep what is kept unread may be nested: orjson reads 1024 levels, and writes 254."""

import orjson


def written(value: object, *, option: int = 0) -> bytes:
    """As JSON that can be written again with what we put around it; raises JSONEncodeError."""
    return orjson.dumps([[[[[[[[value]]]]]]]], option=option)[8:-8]
