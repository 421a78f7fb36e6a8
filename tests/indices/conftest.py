"""Indices on both databases."""

import pytest

from tests.indices.desk import Desk
from tests.serving import plain_log, serve, service
from tradeapi.database import Database

__all__ = ["desk", "plain_log", "serve", "service"]


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)
