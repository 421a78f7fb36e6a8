"""`tradeapi settings`: every setting, as the `.env.example` that it is."""

import textwrap

import typer
from pydantic.fields import FieldInfo

commands = typer.Typer()


@commands.command()
def settings() -> None:
    """List every setting with its meaning and default, in the form of a .env file."""
    typer.echo(example(), nl=False)


def example() -> str:
    from tradeapi.settings import Settings

    blocks = ["# Every setting with its default. Copy to .env and change what you need."]
    for name, field in Settings.model_fields.items():
        lines = textwrap.wrap(field.description or "", 96)
        lines.append(f"{name.upper()}={_default(field)}")
        blocks.append("\n".join(f"# {line}" for line in lines))
    return "\n\n".join(blocks) + "\n"


def _default(field: FieldInfo) -> str:
    from pydantic import SecretStr

    from tradeapi.settings import Environment

    environment = {"environment": Environment.DEVELOPMENT}
    value = field.get_default(call_default_factory=True, validated_data=environment)
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return ""
    return ",".join(value) if isinstance(value, tuple) else str(value)
