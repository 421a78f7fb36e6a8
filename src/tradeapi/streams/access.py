"""Whom a socket serves: who may take it over, and when that ends."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Self
from uuid import UUID

from tradeapi.auth.revocations import all_shares
from tradeapi.clock import Clock
from tradeapi.errors import Forbidden
from tradeapi.streams.callers import Callers
from tradeapi.streams.codes import AUTH_DEADLINE, NOT_AUTHENTICATED
from tradeapi.web.principal import ANONYMOUS, Principal, Scope

WARNING_SECONDS = 60.0
# Clocks are set and machines sleep, so no timer trusts them for longer.
LOOK_SECONDS = 30.0


class Standing(StrEnum):
    """What a socket has to do with authentication, in the words of hello."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    DONE = "done"

    @classmethod
    def of(cls, principal: Principal) -> "Standing":
        if (principal.session or principal.key or principal.share) is not None:
            return cls.DONE
        if principal.may_browse or Scope.READ in principal.scopes:
            return cls.OPTIONAL
        return cls.REQUIRED


@dataclass(frozen=True, slots=True)
class Term:
    """When credentials end, and when their holder is warned of it; in seconds since 1970."""

    warning: float
    end: float

    @classmethod
    def of(cls, end: float, now: float, *, is_renewal: bool) -> Self:
        left = end - now
        if left > WARNING_SECONDS:
            return cls(end - WARNING_SECONDS, end)
        # Who answers each warning with credentials as short would do nothing else.
        return cls(now + left / 2 if is_renewal else now, end)


def names(principal: Principal, address: str) -> tuple[UUID | str, ...]:
    """Whom a socket counts for, and then what else it rests on."""
    if Standing.of(principal) is not Standing.DONE:
        return (address,)
    if principal.share is not None:
        return (principal.share.id, all_shares(principal.share.owner))
    return tuple(id for id in (principal.user, principal.session, principal.key) if id is not None)


class Access:
    """The principal of one socket; `close` gives up its place and its timer.

    `warn` is called with how many seconds are left, and `end` with a close code and a reason.
    """

    def __init__(  # noqa: PLR0913  they are what it knows
        self,
        callers: Callers,
        clock: Clock,
        address: str,
        *,
        auth_seconds: float,
        warn: Callable[[float], None],
        end: Callable[[int, str], None],
    ) -> None:
        self.principal = ANONYMOUS
        self._callers = callers
        self._clock = clock
        self._address = address
        self._auth_seconds = auth_seconds
        self._warn = warn
        self._end = end
        self._timer: asyncio.TimerHandle | None = None

    @property
    def standing(self) -> Standing:
        return Standing.of(self.principal)

    def take(self, principal: Principal) -> None:
        """Serve this caller from now on.

        Raises the fault of credentials that are no good, Forbidden for another user than the
        socket's, and Crowded; then all stays as it was.
        """
        if principal.fault is not None:
            raise principal.fault
        is_renewal = self.standing is Standing.DONE
        if is_renewal and principal.user != self.principal.user:
            raise Forbidden("The socket is another user's; open one of your own.")
        self._callers.place(self, names(principal, self._address))
        self.principal = principal
        self._stop_waiting()
        if self.standing is Standing.REQUIRED:
            self._wait(self._auth_seconds, partial(self._end, AUTH_DEADLINE, "not authenticated"))
        elif principal.expires is not None:
            term = Term.of(principal.expires, self._clock.now(), is_renewal=is_renewal)
            # Soon: whoever has called us answers its client first.
            self._wait(0, partial(self._look, term))

    def revoke(self) -> None:
        self._end(NOT_AUTHENTICATED, "revoked")

    def close(self) -> None:
        self._callers.remove(self)
        self._stop_waiting()

    def _look(self, term: Term, *, is_warned: bool = False) -> None:
        now = self._clock.now()
        if now >= term.end:
            self._end(NOT_AUTHENTICATED, "expired")
            return
        if now >= term.warning and not is_warned:
            is_warned = True
            self._warn(term.end - now)
        due = term.end if is_warned else term.warning
        self._wait(min(due - now, LOOK_SECONDS), partial(self._look, term, is_warned=is_warned))

    def _wait(self, seconds: float, call: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, call)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
