"""Whether what a container is told to run is a command of ours, with options that it has."""

from collections.abc import Sequence

import typer
from typer.core import TyperGroup

from tradeapi.cli import cli


def assert_runs(words: Sequence[str]) -> None:
    """All of them, after `tradeapi`; click says what is wrong with those it does not know."""
    program, *rest = words
    assert program == "tradeapi"
    command = typer.main.get_command(cli)
    while isinstance(command, TyperGroup):
        name, *rest = rest
        command = command.commands[name]
    with command.make_context(None, [*rest]) as context:
        assert context.command is command
