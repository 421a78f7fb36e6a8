"""`tradeapi replay`: a file as live trades."""

from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer()


@commands.command()
def replay(  # noqa: PLR0913, PLR0917  they are the command's options
    file: Annotated[Path, typer.Argument(help="1-minute bars: CSV (also .gz) or Parquet.")],
    symbol: Annotated[str, typer.Option(help="Whose trades these are; created when it is new.")],
    speed: Annotated[float, typer.Option(min=0.01, help="Market seconds per second.")] = 60,
    url: Annotated[str, typer.Option(help="The running service.")] = "http://127.0.0.1:8000",
    reset: Annotated[
        bool, typer.Option("--reset", help="Delete the 1-minute bars in the file's range first.")
    ] = False,
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="TRADEAPI_API_KEY",
            help="With the scope ingest, and admin where the symbol is new.",
            show_envvar=True,
        ),
    ] = None,
    limit_bars: Annotated[int | None, typer.Option(min=1, help="Only the first bars.")] = None,
) -> None:
    """Send a file's bars to a running service as live trades, at the times they have.

    The bars that the service builds from them are those of the file, bit for bit.
    """
    from tradeapi.errors import TradeError
    from tradeapi.market.replaying.replay import Replay
    from tradeapi.market.symbols.names import Name

    try:
        name = Name.parse(symbol).symbol
        exit_code = Replay(file, name, speed, url, reset, limit_bars, api_key).run(typer.echo)
    except TradeError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    raise typer.Exit(exit_code)
