"""What finds out who calls, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self, TypedDict

import anyio

from tradeapi.auth.accounts import Accounts
from tradeapi.auth.authenticator import Authenticator
from tradeapi.auth.counters import Counters
from tradeapi.auth.dependencies import PEPPER
from tradeapi.auth.links import Links
from tradeapi.auth.logins import Logins
from tradeapi.auth.parts import Parts
from tradeapi.auth.postman import Postman
from tradeapi.auth.revocations import Revocations
from tradeapi.auth.shares import Shares
from tradeapi.auth.upkeep import Upkeep
from tradeapi.auth.uses import Uses
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.mail import Mailer, configured
from tradeapi.redis import Redis
from tradeapi.security.passwords import Passwords
from tradeapi.security.secrets import Secrets
from tradeapi.security.share_tokens import ShareTokens
from tradeapi.security.tokens import AccessTokens
from tradeapi.settings import Settings


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the settings may get wrong: looked at before anything is opened."""

    tokens: AccessTokens
    share_tokens: ShareTokens
    passwords: Passwords
    peppers: tuple[bytes, ...]
    mailer: Mailer | None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Raises NotStarted."""
        secrets = Secrets.of(settings)
        return cls(
            tokens=AccessTokens.of(settings, secrets),
            share_tokens=ShareTokens.of(settings, secrets),
            passwords=Passwords.of(settings),
            peppers=secrets.derive(PEPPER),
            mailer=configured(settings),
        )


class AuthState(TypedDict):
    authenticator: Authenticator
    accounts: Accounts
    logins: Logins
    links: Links
    shares: Shares
    revocations: Revocations
    jwks: dict[str, list[dict[str, str]]]


@asynccontextmanager
async def open_auth(
    credentials: Credentials,
    settings: Settings,
    clock: Clock,
    database: Database,
    redis: Redis | None,
) -> AsyncIterator[AuthState]:
    tokens, counters = credentials.tokens, Counters(redis)
    parts = Parts.of(settings, database, clock, tokens, credentials.passwords, counters)
    accounts, revocations = parts.accounts, parts.revocations
    shares = Shares(credentials.share_tokens, revocations, clock)
    uses = Uses(database)
    postman = Postman(credentials.mailer)
    is_open = not settings.auth_required
    upkeep = Upkeep(database, revocations, uses, is_open=is_open)
    async with credentials.passwords, anyio.create_task_group() as tasks:
        # The service starts without its database, and does both again.
        await revocations.look()
        await upkeep.attempt()
        for run in (revocations.run, upkeep.run, postman.run):
            tasks.start_soon(run)
        yield {
            "authenticator": Authenticator(
                database,
                tokens,
                revocations,
                uses,
                clock,
                shares=shares,
                peppers=credentials.peppers,
                key_header=settings.api_key_header,
                is_open=is_open,
                public_read=settings.public_read,
            ),
            "accounts": accounts,
            "logins": parts.logins,
            "links": Links(database, accounts, postman, counters, clock, settings.app_url),
            "shares": shares,
            "revocations": revocations,
            "jwks": tokens.jwks(),
        }
        await uses.write()
        with anyio.move_on_after(settings.drain_seconds):
            await postman.close()
        tasks.cancel_scope.cancel()
