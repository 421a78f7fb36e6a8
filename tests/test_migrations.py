"""The migrations make the tables that the models describe, and can be taken back."""

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from tradeapi.migrations import downgrade, upgrade

ROOT = Path(__file__).parents[1]


@pytest.fixture
def alembic(database_url: str) -> Config:
    config = Config(ROOT / "alembic.ini")
    config.attributes["url"] = database_url
    return config


def test_models_and_migrations_agree(alembic: Config) -> None:
    """No table, column, index or constraint differs between the models and the database."""
    command.check(alembic)


def test_migrations_can_be_taken_back(database_url: str, alembic: Config) -> None:
    """All migrations go down and up again, and nothing is left behind or lost on the way."""
    downgrade(database_url, "base")
    upgrade(database_url)
    command.check(alembic)
