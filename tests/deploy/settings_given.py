"""The settings of a container, read as the service would."""

from collections.abc import Iterator, Mapping

import pytest
from pydantic import AliasChoices

from tradeapi.settings import Settings, load

# Libraries read these.
OTHERS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL"}


def names() -> set[str]:
    """Of all variables that are read."""
    return {name.upper() for name in _aliases()} | OTHERS


def loaded(variables: Mapping[str, str], **options: str) -> Settings:
    """With these and no others; raises what would keep the service from starting."""
    assert variables.keys() <= names()
    with pytest.MonkeyPatch.context() as patch:
        for name in names():
            patch.delenv(name, raising=False)
        for name, value in variables.items():
            patch.setenv(name, value)
        return load(**options)


def _aliases() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        yield from map(str, alias.choices) if isinstance(alias, AliasChoices) else [name]
