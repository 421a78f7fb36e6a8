"""The service that the tests of charts share, and somebody with a chart on it."""

import pytest

from tests.auth.people import Service
from tests.charts.desks import Desk
from tests.serving import plain_log, serve, service

__all__ = ["plain_log", "serve", "service"]


@pytest.fixture
def desk(service: Service) -> Desk:
    """Somebody new, with a chart that has a series of each type and no points."""
    return Desk.of(service.person())
