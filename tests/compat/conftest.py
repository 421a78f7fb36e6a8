"""A service, and somebody with a front end that speaks to it."""

import pytest

from tests.auth.people import Service
from tests.compat.front_end import FrontEnd
from tests.serving import plain_log, serve, service

__all__ = ["plain_log", "serve", "service"]


@pytest.fixture
def page(service: Service) -> FrontEnd:
    """Somebody new's, without a chart."""
    return FrontEnd(service.person(), "desk")
