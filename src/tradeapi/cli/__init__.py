"""The command line.

A command imports what it needs when it runs: `tradeapi migrate` has no use for the web framework,
`tradeapi serve` none for the readers of Parquet files. A feature brings its commands in a
`commands.py` of its own, a `typer.Typer()` that is joined here.
"""

import sys
from typing import Annotated

import typer

from tradeapi import __version__
from tradeapi.auth import commands as user_commands
from tradeapi.cli import environment, schema, serving
from tradeapi.errors import NotStarted, TradeError
from tradeapi.indices import commands as index_commands
from tradeapi.jobs import commands as job_commands
from tradeapi.market.importing import commands as importing
from tradeapi.market.replaying import commands as replaying
from tradeapi.market.symbols import commands as exchange_commands
from tradeapi.ops import commands as operating
from tradeapi.ops.backup import commands as backup_commands

cli = typer.Typer(
    help="Market data for charts and trading front ends.",
    no_args_is_help=True,
    add_completion=False,
    # Tracebacks are for the log, and never with the values of variables.
    pretty_exceptions_enable=False,
)
for commands in (
    serving,
    importing,
    replaying,
    operating,
    schema,
    environment,
    exchange_commands,
    index_commands,
    user_commands,
    job_commands,
    backup_commands,
):
    cli.add_typer(commands.commands)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@cli.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")
    ] = False,
) -> None: ...


def main() -> None:
    try:
        cli()
    except NotStarted as error:
        typer.echo(str(error), err=True)
        sys.exit(2)
    except TradeError as error:
        typer.echo(str(error), err=True)
        sys.exit(1)
    except Exception as error:
        from tradeapi.cli.faults import told

        if (sentence := told(error)) is None:
            raise
        typer.echo(sentence, err=True)
        sys.exit(1)
