"""`tradeapi user`: accounts for operators; the first admin is made here."""

import getpass
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tradeapi.auth.accounts import Accounts
    from tradeapi.auth.models import User
    from tradeapi.auth.users import Users
    from tradeapi.database import Database

commands = typer.Typer()
users = typer.Typer(help="Accounts: make them, and change what they may do.", no_args_is_help=True)
commands.add_typer(users, name="user")

Email = Annotated[str, typer.Argument(help="The user's e-mail address.")]


@users.command()
def create(
    email: Email,
    admin: Annotated[bool, typer.Option("--admin", help="With every scope.")] = False,
) -> None:
    """Make an account. The password is asked for, or read from standard input."""
    from tradeapi.auth.audit import OPERATOR
    from tradeapi.auth.scopes import Role

    password = _password()

    async def work(desk: "Desk") -> None:
        role = Role.ADMIN if admin else Role.USER
        user = await desk.accounts.create(email, password, OPERATOR, role=role)
        typer.echo(f"{user.email} is new, with the role {user.role}.")

    _run(work)


@users.command()
def promote(email: Email) -> None:
    """Make a user an admin."""
    from tradeapi.auth.scopes import Role

    async def work(desk: "Desk") -> None:
        async with desk.user(email) as (found, user):
            await found.change(user, role=Role.ADMIN)
        typer.echo(f"{user.email} is an admin.")

    _run(work)


@users.command()
def disable(email: Email) -> None:
    """Log a user out everywhere, for good; API keys end as well."""

    async def work(desk: "Desk") -> None:
        async with desk.user(email) as (found, user):
            await found.change(user, is_disabled=True)
        typer.echo(f"{user.email} is disabled.")

    _run(work)


@users.command()
def enable(email: Email) -> None:
    """Let a disabled user in again."""

    async def work(desk: "Desk") -> None:
        async with desk.user(email) as (found, user):
            await found.change(user, is_disabled=False)
        typer.echo(f"{user.email} is enabled.")

    _run(work)


@users.command()
def grant(
    email: Email,
    scopes: Annotated[list[str], typer.Argument(help="All that the user then has: read ingest.")],
) -> None:
    """Say what a user may do."""
    from tradeapi.auth.scopes import parse

    wanted = parse(" ".join(scopes))

    async def work(desk: "Desk") -> None:
        async with desk.user(email) as (found, user):
            await found.change(user, scopes=wanted)
        typer.echo(f"{user.email} may {user.scopes}.")

    _run(work)


@users.command()
def reset_password(email: Email) -> None:
    """Give a user another password, asked for or read from standard input; all logins end."""
    from tradeapi.auth.audit import OPERATOR

    password = _password()

    async def work(desk: "Desk") -> None:
        async with desk.user(email) as (_, user):
            pass
        await desk.accounts.set_password(user.id, password, OPERATOR)
        typer.echo(f"{user.email} has a new password.")

    _run(work)


@dataclass(frozen=True, slots=True)
class Desk:
    """What the commands work with."""

    database: "Database"
    accounts: "Accounts"
    users: "Callable[[AsyncSession], Users]"

    @asynccontextmanager
    async def user(self, email: str) -> "AsyncIterator[tuple[Users, User]]":
        """In a transaction; raises NotFound."""
        from tradeapi.auth.addresses import normalized

        async with self.database.transaction() as session:
            users = self.users(session)
            yield users, await users.get_by_email(normalized(email))


def _run(work: Callable[[Desk], Awaitable[None]]) -> None:
    import asyncio

    async def run() -> None:
        async with _desk() as desk:
            await work(desk)

    asyncio.run(run())


@asynccontextmanager
async def _desk() -> AsyncIterator[Desk]:
    from tradeapi.auth.audit import OPERATOR, Audit
    from tradeapi.auth.counters import Counters
    from tradeapi.auth.parts import Parts
    from tradeapi.auth.users import Users
    from tradeapi.clock import SystemClock
    from tradeapi.database import Database
    from tradeapi.security.passwords import Passwords
    from tradeapi.security.secrets import Secrets
    from tradeapi.security.tokens import AccessTokens
    from tradeapi.settings import load

    settings, clock = load(), SystemClock()
    tokens = AccessTokens.of(settings, Secrets.of(settings))
    async with Database(settings.database_url) as database, Passwords.of(settings) as passwords:
        parts = Parts.of(settings, database, clock, tokens, passwords, Counters(None))
        yield Desk(
            database,
            parts.accounts,
            lambda session: Users(
                session, parts.logins, parts.revocations, Audit(session, OPERATOR, clock.now())
            ),
        )


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:
        typer.echo("They differ.", err=True)
        raise typer.Exit(1)
    return password
