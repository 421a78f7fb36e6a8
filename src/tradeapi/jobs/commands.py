"""`tradeapi jobs`: what is done in the background, and what was given up."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tradeapi.jobs.dead_letters import DeadLetters
    from tradeapi.jobs.port import Count, DeadLetter, Jobs

# At once, so that many are no load for the service.
PAGE = 500

commands = typer.Typer()
jobs = typer.Typer(help="Work in the background.", invoke_without_command=True)
commands.add_typer(jobs, name="jobs")

Ids = Annotated[list[str] | None, typer.Argument(metavar="ID...", help="As `failed` lists them.")]


@jobs.callback()
def status(context: typer.Context) -> None:
    """Count the jobs that are not done, by name; or do something about those given up."""
    if context.invoked_subcommand is None:

        async def work(desk: "Desk") -> None:
            for count in await desk.jobs.counts(desk.session):
                typer.echo(_count(count))

        _run(work)


@jobs.command()
def failed() -> None:
    """List the jobs that were given up, the newest first."""

    async def work(desk: "Desk") -> None:
        before = None
        while letters := await desk.letters.list(before=before, limit=PAGE):
            for letter in letters:
                typer.echo(_line(letter))
            before = letters[-1].id

    _run(work)


@jobs.command()
def requeue(
    ids: Ids = None,
    all: Annotated[bool, typer.Option("--all", help="All that were given up.")] = False,
) -> None:
    """Do jobs again that were given up."""
    if all == bool(ids):
        raise typer.BadParameter("Name the jobs, or say --all.")

    async def work(desk: "Desk") -> None:
        if all:
            typer.echo(f"{await desk.letters.requeue_all()} jobs wait.")
        for id in ids or ():
            await desk.letters.requeue(id)
            typer.echo(f"{id} waits.")

    _run(work)


@jobs.command()
def discard(id: Annotated[str, typer.Argument(help="As `failed` lists it.")]) -> None:
    """Forget a job that was given up."""

    async def work(desk: "Desk") -> None:
        await desk.letters.discard(id)
        typer.echo(f"{id} is forgotten.")

    _run(work)


@dataclass(frozen=True, slots=True)
class Desk:
    """What the commands work with, in one transaction."""

    session: "AsyncSession"
    jobs: "Jobs"
    letters: "DeadLetters"


def _run(work: Callable[[Desk], Awaitable[None]]) -> None:
    import asyncio

    async def run() -> None:
        async with _desk() as desk:
            await work(desk)

    asyncio.run(run())


@asynccontextmanager
async def _desk() -> AsyncIterator[Desk]:
    from dataclasses import replace

    from tradeapi.auth.audit import OPERATOR, Audit
    from tradeapi.clock import SystemClock
    from tradeapi.database import Database
    from tradeapi.jobs.dead_letters import DeadLetters
    from tradeapi.jobs.opening import jobs_of
    from tradeapi.settings import load

    settings, clock = load(), SystemClock()
    operator = replace(OPERATOR, agent="tradeapi jobs")
    async with Database(settings.database_url) as database:
        jobs = jobs_of(database, clock)
        async with database.transaction() as session:
            audit = Audit(session, operator, clock.now())
            yield Desk(session, jobs, DeadLetters(session, jobs, audit))


def _count(count: "Count") -> str:
    return f"{count.name:30}  {count.state:8}  {count.jobs:>9}"


def _line(letter: "DeadLetter") -> str:
    created = datetime.fromtimestamp(letter.created_at, UTC).isoformat(timespec="seconds")
    fields: Sequence[str] = (f"{letter.id:>9}", f"{letter.name:30}", created, letter.error)
    return "  ".join(fields)
