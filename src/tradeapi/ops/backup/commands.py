"""`tradeapi backup`: backups that are proven to restore."""

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from tradeapi.ops.backup.desk import Desk

Result = TypeVar("Result")

commands = typer.Typer()
backup = typer.Typer(help="Back the database up, and prove that it can be had back.")
commands.add_typer(backup, name="backup")

Id = Annotated[str, typer.Argument(metavar="ID", help="As `list` has it, or: latest.")]
Scratch = Annotated[
    str | None,
    typer.Option(help="Restore on this server for the proof, as BACKUP_SCRATCH_URL says."),
]


@backup.command()
def create() -> None:
    """Make a backup of the database, while it is in use."""
    from tradeapi.ops.backup.words import created

    typer.echo(created(_do(lambda desk: desk.create())))


@backup.command(name="list")
def list_backups() -> None:
    """List the backups, the newest first."""
    from tradeapi.ops.backup.words import listed

    entries = _do(lambda desk: desk.entries())
    for line in listed(entries):
        typer.echo(line)
    if any(entry.fault for entry in entries):
        raise typer.Exit(1)


@backup.command()
def verify(id: Id = "latest", scratch_url: Scratch = None) -> None:
    """Restore a backup for real, into a database that is thrown away, and compare all of it."""
    from tradeapi.ops.backup.words import verified

    typer.echo(verified(_do(lambda desk: desk.verify(id), scratch_url)))


@backup.command()
def restore(
    id: Id,
    into: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="A database that is new, or empty; a name alone is beside that of DATABASE_URL.",
        ),
    ],
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Take the place of one that is not; it is kept."),
    ] = False,
) -> None:
    """Restore a backup, and migrate it to what this version needs."""
    from tradeapi.ops.backup.words import restored

    typer.echo(restored(_do(lambda desk: desk.restore(id, into, replace=replace))))


@backup.command()
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Remove backups that BACKUP_KEEP_DAILY, _WEEKLY and _MONTHLY do not keep."""
    from tradeapi.ops.backup.words import pruned

    for line in pruned(_do(lambda desk: desk.prune(dry_run=dry_run)), dry_run=dry_run):
        typer.echo(line)


@backup.command()
def drill(scratch_url: Scratch = None) -> None:
    """Do with the latest backup what a loss of the database would ask for, and measure it."""
    from tradeapi.ops.backup.words import drilled

    for line in drilled(_do(lambda desk: desk.drill(), scratch_url)):
        typer.echo(line)


def _do(work: Callable[["Desk"], Awaitable[Result]], scratch_url: str | None = None) -> Result:
    """Until it is done, or SIGTERM or Ctrl-C; then nothing is left half done."""
    import asyncio

    from tradeapi import logging
    from tradeapi.ops.backup.desk import Desk, stoppable
    from tradeapi.settings import load

    settings = load() if scratch_url is None else load(backup_scratch_url=scratch_url)
    # What it does it says in words.
    logging.configure("warning")

    async def run() -> Result:
        with stoppable(), _for_us_alone():
            return await work(Desk(settings))

    try:
        return asyncio.run(run())
    except (KeyboardInterrupt, asyncio.CancelledError):
        typer.echo("Stopped; nothing is left half done.", err=True)
        raise typer.Exit(130) from None


@contextmanager
def _for_us_alone() -> Iterator[None]:
    """Whatever is written has all that the database has, and other users of the machine none."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
