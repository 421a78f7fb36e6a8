"""Makes a calendar's data in a short-lived process, so that pandas never enters this one."""

import re
import sys
from collections.abc import Sequence
from subprocess import CompletedProcess

import anyio

from tradeapi.errors import Invalid, Unavailable
from tradeapi.market.calendars.calendar import CONTINUOUS

SOURCE = "tradeapi.market.calendars.source"
REFUSED = 2
TIMEOUT_SECONDS = 60


async def build_apart(code: str) -> bytes:
    """What `calendars.load` reads; takes about two seconds.

    Raises Invalid for a code that nobody knows.
    """
    if code == CONTINUOUS:
        return b""
    if not re.fullmatch(r"\w[\w/]{,29}", code, re.ASCII):
        raise unknown_calendar(code)
    return await _run(code)


async def known_codes() -> frozenset[str]:
    """What the library has names for; takes about a second."""
    return frozenset((await _run()).decode().split("\n"))


def unknown_calendar(code: str) -> Invalid:
    return _refusal(f"There is no calendar {code[:30]!r}.")


async def _run(*codes: str) -> bytes:
    try:
        with anyio.fail_after(TIMEOUT_SECONDS):
            # -P: a file of the working directory must not stand in for a module.
            finished = await anyio.run_process(
                [sys.executable, "-P", "-m", SOURCE, *codes], check=False
            )
    except TimeoutError as error:
        raise Unavailable(f"Building the calendar {' '.join(codes)} took too long.") from error
    if finished.returncode == 0:
        return finished.stdout
    raise _failure(codes, finished)


def _failure(codes: Sequence[str], finished: CompletedProcess[bytes]) -> Invalid | Unavailable:
    reason = finished.stderr.decode(errors="replace").strip()
    if finished.returncode == REFUSED:
        return _refusal(reason)
    last = reason.rpartition("\n")[2] or finished.returncode
    return Unavailable(f"The calendar {' '.join(codes)} could not be built: {last}")


def _refusal(reason: str) -> Invalid:
    return Invalid(
        f"{reason} Calendars are named by exchange_calendars, such as XNYS, XLON, XTKS, XHKG or"
        f" CMES; {CONTINUOUS} never closes.",
        code="unknown_calendar",
    )
