"""`tradeapi serve` and `tradeapi worker`: the service in this process."""

import signal

import typer

commands = typer.Typer()


@commands.command()
def serve(
    host: str | None = typer.Option(None, help="Instead of HOST."),
    port: int | None = typer.Option(None, help="Instead of PORT; 0 takes a free one."),
) -> None:
    """Serve the API; in development the database is migrated first."""
    from tradeapi import logging, migrations
    from tradeapi.app import create_app
    from tradeapi.ops.alone import refuse_company
    from tradeapi.ops.operations import listening
    from tradeapi.settings import Environment, load
    from tradeapi.web.server import Server

    options = {"host": host, "port": port}
    settings = load(**{name: value for name, value in options.items() if value is not None})
    logging.configure(settings.log_level)
    with listening(settings) as operations:
        app = create_app(settings, operations=operations)
        server = Server(app, settings, announce=_announce)
        refuse_company(settings)
        if settings.environment is Environment.DEVELOPMENT:
            migrations.upgrade(settings.database_url)
        # It ends as Ctrl-C does, with exit code 0.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            server.run()
        except KeyboardInterrupt:
            # uvicorn has stopped in order, and then repeats the signal that it caught.
            return
        except SystemExit:
            if not server.started:
                where = f"{settings.host}:{settings.port}"
                typer.echo(f"tradeapi can't serve at {where}; the log above says why.", err=True)
            raise


@commands.command()
def worker(
    roles: str | None = typer.Option(None, help="Instead of ROLES, separated by commas."),
) -> None:
    """Do what ROLES say, and serve nobody; in development the database is migrated first."""
    from tradeapi import logging
    from tradeapi import worker as process
    from tradeapi.errors import NotStarted
    from tradeapi.settings import load

    settings = load() if roles is None else load(roles=roles)
    if not settings.roles:
        raise NotStarted("ROLES: is empty, and a worker has nothing else to do.")
    logging.configure(settings.log_level)
    process.run(settings)


def _announce(address: str) -> None:
    # Standard output is the log.
    typer.echo(f"tradeapi serves {address} (documentation: {address}/docs)", err=True)
