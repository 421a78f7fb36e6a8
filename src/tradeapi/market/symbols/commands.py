"""`tradeapi exchange`: when exchanges trade, and in what currency."""

from typing import Annotated

import typer

commands = typer.Typer()
_exchange = typer.Typer(help="When exchanges trade, and in what currency.", no_args_is_help=True)
commands.add_typer(_exchange, name="exchange")


@_exchange.command("set")
def put(
    code: Annotated[str, typer.Argument(help="The exchange, such as US; created when it is new.")],
    calendar: Annotated[
        str | None, typer.Option(help="As exchange_calendars names it, such as XNYS, or 24x7.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="Of its symbols, such as USD.")] = None,
    name: Annotated[str | None, typer.Option(help="For people.")] = None,
) -> None:
    """Create or change an exchange; what is not given stays.

    With a calendar, bars that follow from finer ones are built again. It may be stopped, and begun
    again.
    """
    import asyncio

    from tradeapi.errors import TradeError
    from tradeapi.market.symbols.exchange_setup import set_exchange
    from tradeapi.settings import load

    try:
        asyncio.run(set_exchange(load(), code, calendar, currency, name, typer.echo))
    except TradeError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


@_exchange.command("list")
def show() -> None:
    """List all exchanges."""
    import asyncio

    from tradeapi.market.symbols.exchange_setup import list_exchanges
    from tradeapi.settings import load

    for exchange in asyncio.run(list_exchanges(load())):
        fields = (exchange.code, exchange.calendar, exchange.currency, exchange.name)
        typer.echo("  ".join((f"{fields[0]:15}", f"{fields[1]:12}", f"{fields[2]:8}", fields[3])))
