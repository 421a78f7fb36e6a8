"""One handler, called as pgqueuer calls it: what fails is tried again, each time after longer."""

import asyncio
import random
from datetime import timedelta
from typing import NoReturn

import orjson
import structlog
from pgqueuer import RetryRequested
from pgqueuer.models import Job as Row

from tradeapi.jobs.port import Handler, Job, Later
from tradeapi.logging import without_credentials
from tradeapi.metrics import JOBS_DONE, JOBS_FAILED, JOBS_RETRIED
from tradeapi.tracing import resumed

TRIES = 6
# Before the second try, and four times as long before each one after.
FIRST_SECONDS = 1.0
LONGEST_ERROR = 1000

_log = structlog.get_logger("tradeapi.jobs")


class Execution:
    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def __call__(self, row: Row) -> None:
        name = row.entrypoint
        job = Job(
            id=str(row.id),
            name=name,
            payload=orjson.loads(row.payload or b"{}"),
            attempt=row.attempts + 1,
            is_last_try=_failures(row) + 1 >= TRIES,
        )
        try:
            with resumed(name, row.headers):
                await self._handler(job)
        except Later as later:
            raise RetryRequested(timedelta(seconds=later.seconds)) from later
        except asyncio.CancelledError:
            # We stop. pgqueuer would take it for a job that nobody wants any more.
            raise RetryRequested from None
        except Exception as error:  # noqa: BLE001  whatever it is
            _fail(row, error)
        JOBS_DONE.labels(name).inc()


def _fail(row: Row, error: Exception) -> NoReturn:
    """Say when it is tried again, or that it is given up; failures are counted in its headers."""
    failures = _failures(row) + 1
    row.headers = (row.headers or {}) | {"failures": failures, "error": _text(error)}
    fields = {"name": row.entrypoint, "id": row.id, "failures": failures, "error": _text(error)}
    if failures >= TRIES:
        JOBS_FAILED.labels(row.entrypoint).inc()
        _log.error("jobs.failed", **fields)
        raise error
    JOBS_RETRIED.labels(row.entrypoint).inc()
    seconds = _backoff(failures)
    _log.warning("jobs.retried", seconds=round(seconds, 1), **fields)
    raise RetryRequested(timedelta(seconds=seconds), type(error).__name__) from error


def _failures(row: Row) -> int:
    return int(str((row.headers or {}).get("failures", 0)))


def _backoff(failures: int) -> float:
    # Those that failed together do not come back together.
    return float(FIRST_SECONDS * 4 ** (failures - 1) * random.uniform(0.5, 1.5))  # noqa: S311


def _text(error: Exception) -> str:
    return without_credentials(f"{type(error).__name__}: {error}")[:LONGEST_ERROR]
