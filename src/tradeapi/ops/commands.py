"""`tradeapi stats`: what the stream of a running service does."""

from typing import Annotated

import typer

commands = typer.Typer()


@commands.command()
def stats(
    url: Annotated[str, typer.Option(help="The running service.")] = "http://127.0.0.1:8000",
    path: Annotated[
        str, typer.Option(envvar="METRICS_PATH", help="Where its metrics are.", show_envvar=True)
    ] = "/metrics",
    api_key: Annotated[
        str | None,
        typer.Option(envvar="TRADEAPI_API_KEY", help="With the scope read.", show_envvar=True),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=3600, help="How long to count for the rates.")
    ] = 5,
) -> None:
    """Count clients, subscriptions, deliveries and delays of the live stream."""
    from tradeapi.ops.stats import look, table

    typer.echo(table(*look(f"{url.rstrip('/')}{path}", api_key, seconds)))
