"""What is looked at again and again, for the metrics: a look that fails waits for the next."""

from collections.abc import Awaitable, Callable
from typing import Never

import anyio
import structlog

_log = structlog.get_logger("tradeapi.repeating")


async def repeatedly(look: Callable[[], Awaitable[None]], seconds: float, failed: str) -> Never:
    """`failed` is the event that tells of a look that was none."""
    while True:
        try:
            await look()
        except Exception as error:  # noqa: BLE001  whatever it is, we look again
            _log.debug(failed, error=repr(error))
        await anyio.sleep(seconds)
