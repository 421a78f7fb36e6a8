"""What is done for topics beside what is asked of them: its failure must not end anything else."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import structlog

from tradeapi.errors import TradeError
from tradeapi.web.outages import outage

log = structlog.get_logger()


@contextmanager
def as_unavailable() -> Iterator[None]:
    """Say of a database that does not answer that it is unavailable."""
    try:
        yield
    except TradeError:
        raise
    except Exception as error:
        passing = outage(error)
        if passing is None:
            raise
        raise passing from error


async def safely(event: str, call: Callable[[], Awaitable[None]]) -> None:
    """What fails, mostly for the database's sake, is logged, found undone and tried again soon.

    One's fault must not end the stream of all.
    """
    try:
        with as_unavailable():
            await call()
    except TradeError as error:
        log.warning(event, error=str(error))
    except Exception:
        log.exception(event)
