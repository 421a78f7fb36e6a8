"""What works on accounts, put together for the service and for operators alike."""

from dataclasses import dataclass
from typing import Self

from tradeapi.auth.accounts import Accounts
from tradeapi.auth.counters import Counters
from tradeapi.auth.logins import Lifetimes, Logins
from tradeapi.auth.revocations import Revocations
from tradeapi.auth.throttle import Throttle
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.security.passwords import Passwords
from tradeapi.security.tokens import AccessTokens
from tradeapi.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    revocations: Revocations
    logins: Logins
    accounts: Accounts

    @classmethod
    def of(  # noqa: PLR0913, PLR0917  they are what it is made of
        cls,
        settings: Settings,
        database: Database,
        clock: Clock,
        tokens: AccessTokens,
        passwords: Passwords,
        counters: Counters,
    ) -> Self:
        revocations = Revocations(database, clock)
        logins = Logins(database, tokens, revocations, clock, Lifetimes.of(settings))
        accounts = Accounts(
            database,
            passwords,
            logins,
            revocations,
            Throttle(counters),
            clock,
            shortest_password=settings.password_min_length,
        )
        return cls(revocations, logins, accounts)
