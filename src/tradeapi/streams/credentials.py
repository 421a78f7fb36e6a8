"""Who the client of a socket is, as far as it is known when the answer is here.

Both functions look for revocations last and then return: who enters the result among `Callers` at
once hears of every later one.
"""

from collections.abc import Awaitable

from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Scope

from tradeapi.auth.authenticator import COMMIT_SECONDS, Authenticator
from tradeapi.streams.access import Standing
from tradeapi.web.outages import outage
from tradeapi.web.principal import Principal, principal_of


async def of_handshake(authenticator: Authenticator, scope: Scope, now: float) -> Principal:
    """Found out once more: what was revoked while the layers on the way here waited, for Redis say,
    has been told to nobody."""
    principal = principal_of(scope)
    if Standing.of(principal) is not Standing.DONE:
        return principal
    if b"ticket=" in scope["query_string"]:
        # It has been used up.
        authenticator.check(principal, now - COMMIT_SECONDS)
        return principal
    return await _unless_away(authenticator.identify(scope))


async def of_token(authenticator: Authenticator, token: str, address: str) -> Principal:
    """Of an access token or an API key; raises Unauthenticated."""
    return await _unless_away(authenticator.read(token, address))


async def _unless_away(answer: Awaitable[Principal]) -> Principal:
    """Raises Unavailable where the database is."""
    try:
        return await answer
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        passing = outage(error)
        if passing is None:
            raise
        raise passing from error
