"""Somebody with a list, on a service with a market."""

import pytest

from tests.auth.people import Service
from tests.serving import plain_log, serve
from tests.serving import service as empty
from tests.watchlists.lists import List, list_symbols

__all__ = ["empty", "plain_log", "serve", "service"]


@pytest.fixture(scope="module")
def service(empty: Service) -> Service:
    """That the tests of a file share; its symbols are listed."""
    list_symbols(empty)
    return empty


@pytest.fixture
def mine(service: Service) -> List:
    """An empty list of somebody new."""
    return List.of(service.person())
