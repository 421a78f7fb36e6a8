"""`tradeapi migrate`: the database's schema."""

import typer

commands = typer.Typer()


@commands.command()
def migrate(
    down: str | None = typer.Option(None, help='Go back to this revision; "base" is empty.'),
) -> None:
    """Bring the database to the schema that this version needs."""
    from tradeapi import migrations
    from tradeapi.settings import load

    url = load().database_url
    if down is None:
        migrations.upgrade(url)
        typer.echo(f"The database is at {migrations.head()}.")
    else:
        migrations.downgrade(url, down)
        typer.echo(f"The database is back at {down}.")
