"""Somebody with webhooks, on a service of their own."""

from collections.abc import Iterator

import pytest

from tests.auth.people import Service
from tests.notifications.errands import Queue
from tests.serving import plain_log, serve, service

__all__ = ["plain_log", "queue", "serve", "service"]


@pytest.fixture
def queue(service: Service) -> Iterator[Queue]:
    """The jobs that come of what is asked for, and are not done."""
    state = service.client.app_state
    jobs, queue = state["jobs"], Queue()
    state["jobs"] = queue
    yield queue
    state["jobs"] = jobs
