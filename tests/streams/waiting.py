"""Waiting for what tells nobody that it has happened."""

from collections.abc import Callable

import anyio


async def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    with anyio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110
            await anyio.sleep(0.01)
