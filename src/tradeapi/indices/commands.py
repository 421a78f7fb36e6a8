"""`tradeapi index`: indices defined, built and looked at by an operator."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tradeapi.clock import Clock
    from tradeapi.database import Database
    from tradeapi.indices.building.build import Builder
    from tradeapi.indices.schemas import IndexIn
    from tradeapi.indices.service import Indices
    from tradeapi.market.calendars.registry import Calendars
    from tradeapi.tracked.here import Here

# At once, so that many are no load for the service.
PAGE = 500
_STATIC = "Some counts of shares are undated: whoever was selected by them was so with hindsight."

commands = typer.Typer()
_index = typer.Typer(help="Indices: their rules and their builds.", no_args_is_help=True)
commands.add_typer(_index, name="index")

Code = Annotated[str, typer.Argument(help="The index, such as EW100, in any case.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


@_index.command()
def create(  # noqa: PLR0913, PLR0917  they are what can be said
    code: Code,
    file: Annotated[
        Path | None, typer.Option(help="Rules as JSON, as POST /api/v1/indices takes them.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="For people.")] = None,
    count: Annotated[
        int | None, typer.Option(help="How many of the largest. Default: 100.")
    ] = None,
    weighting: Annotated[
        str | None, typer.Option(help="Such as equal, market_cap or price. Default: equal.")
    ] = None,
    rebalance: Annotated[
        str | None, typer.Option(help="Such as daily, monthly or quarterly. Default: daily.")
    ] = None,
    return_type: Annotated[
        str | None, typer.Option("--return", help="price, total or net. Default: price.")
    ] = None,
    exchange: Annotated[
        list[str] | None, typer.Option(help="Of the universe; may be said again. Default: all.")
    ] = None,
    calendar: Annotated[
        str | None, typer.Option(help="Whose sessions it has. Default: its universe's.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="Default: USD.")] = None,
) -> None:
    """Define an index; what is said here counts more than what the file says."""
    given = {
        "name": name,
        "count": count,
        "weighting": weighting,
        "rebalance": rebalance,
        "return_type": return_type,
        "calendar": calendar,
        "currency": currency,
    }
    rules = _rules(file)
    rules |= {field: value for field, value in given.items() if value is not None}
    if exchange:
        rules["universe"] = {**rules.get("universe", {}), "exchanges": exchange}
    new = _checked({**rules, "code": code.upper()})

    async def work(desk: "Desk") -> None:
        from tradeapi.indices.dependencies import ready

        await ready(new, new.code, desk.database, desk.calendars)
        async with desk.database.transaction() as session:
            index = await desk.indices(session).create(new, None)
            typer.echo(f"{index.code} is defined; it has the sessions of {index.calendar}.")

    _run(work)


@_index.command()
def build(code: Code, start: Day = None, end: Day = None) -> None:
    """Build an index in this process: all sessions in range, and those between them and what is
    built.

    Without a start it is the session after the last one, without an end the last that is over.
    Ctrl-C cancels it, and what is published stays as it was.
    """
    first, last = (None if one is None else one.date() for one in (start, end))

    async def work(desk: "Desk") -> None:
        from tradeapi.indices.building.requests import build_job, foreseen

        name, now = code.upper(), desk.clock.now()
        await foreseen(desk.database, desk.calendars, now, name, first, last)
        with _display(name) as shown:
            job = await desk.here.do(
                build_job(name, first, last), subject=name, work=desk.builder.work, shown=shown
            )
        if job.status == "succeeded":
            typer.echo(_told(job.result or {}))
            return
        if job.status == "cancelled":
            typer.echo("It was cancelled; what is published is as it was.", err=True)
        else:
            reason = job.error["detail"] if job.error else f"Others are at it: {job.status_url}."
            typer.echo(reason, err=True)
        raise typer.Exit(1)

    _run(work)


@_index.command()
def show(
    code: Annotated[str | None, typer.Argument(help="One of them, as JSON. Default: all.")] = None,
) -> None:
    """List the indices and how far they are built, or show one with its rules."""

    async def work(desk: "Desk") -> None:
        from tradeapi.indices.documents import document
        from tradeapi.indices.schemas import IndexOut

        async with desk.database.reading() as session:
            indices = desk.indices(session)
            if code is not None:
                shown = IndexOut.model_validate(document(await indices.get(code.upper())))
                typer.echo(shown.model_dump_json(indent=2))
                return
            after = None
            while page := await indices.list(after=after, limit=PAGE):
                for index in page:
                    typer.echo(_line(document(index), index.name))
                after = page[-1].code

    _run(work)


@dataclass(frozen=True, slots=True)
class Desk:
    """What the commands work with."""

    database: "Database"
    calendars: "Calendars"
    clock: "Clock"
    builder: "Builder"
    here: "Here"

    def indices(self, session: "AsyncSession") -> "Indices":
        from dataclasses import replace

        from tradeapi.auth.audit import OPERATOR, Audit
        from tradeapi.indices.service import Indices

        now = self.clock.now()
        audit = Audit(session, replace(OPERATOR, agent="tradeapi index"), now)
        return Indices(session, self.calendars, now, audit)


def _run(work: Callable[[Desk], Awaitable[None]]) -> None:
    import asyncio

    async def run() -> None:
        async with _desk() as desk:
            await work(desk)

    asyncio.run(run())


@asynccontextmanager
async def _desk() -> AsyncIterator[Desk]:
    from tradeapi.bus.memory import MemoryBus
    from tradeapi.clock import SystemClock
    from tradeapi.database import Database
    from tradeapi.indices.building.build import Builder
    from tradeapi.jobs.opening import jobs_of
    from tradeapi.market.calendars.registry import Calendars
    from tradeapi.market.store.bar_store import BarStore
    from tradeapi.notifications.notifier import Notifier
    from tradeapi.settings import load
    from tradeapi.tracked.here import Here

    # Processes that serve hear of what is committed from the database, not from this bus.
    settings, clock, bus = load(), SystemClock(), MemoryBus()
    async with Database(settings.database_url) as database:
        jobs, calendars = jobs_of(database, clock), Calendars(database, clock)
        store = BarStore(database, bus, clock, lateness=settings.bar_lateness_seconds)
        notifier = Notifier(jobs, bus, clock, {})
        builder = Builder(database, bus, store, calendars, notifier, clock)
        yield Desk(database, calendars, clock, builder, Here(database, jobs, bus, clock))


def _rules(file: Path | None) -> dict[str, Any]:
    import orjson

    if file is None:
        return {}
    try:
        rules = orjson.loads(file.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise typer.BadParameter(f"{file}: {error}.") from error
    if not isinstance(rules, dict):
        raise typer.BadParameter(f"{file}: it has to be an object.")
    return rules


def _checked(fields: Mapping[str, Any]) -> "IndexIn":
    from pydantic import ValidationError

    from tradeapi.indices.schemas import IndexIn

    try:
        return IndexIn.model_validate(fields)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise typer.BadParameter("; ".join(faults)) from error


@contextmanager
def _display(code: str) -> Iterator[Callable[[float, str], None]]:
    """A bar on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = TextColumn("{task.fields[code]}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%")
    with Progress(
        *columns,
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as progress:
        task = progress.add_task("", total=1.0, code=code)
        yield lambda done, message: progress.update(task, completed=done, description=message)


def _told(result: Mapping[str, Any]) -> str:
    findings = [
        f"{one['date']}  {one['symbol'] or result['code']}: {one['detail']}"
        for one in result["findings"]
    ]
    sessions = f"{result['sessions']} sessions from {result['start']} to {result['end']}"
    static = [_STATIC] if result["static_shares"] else []
    return "\n".join([f"Built {sessions}, revision {result['revision']}.", *static, *findings])


def _line(index: Mapping[str, Any], name: str) -> str:
    built = f"{index['start']} to {index['end']}" if index["revision"] else "not built"
    return "  ".join((f"{index['code']:12}", f"{built:24}", f"{index['calendar']:8}", name))
