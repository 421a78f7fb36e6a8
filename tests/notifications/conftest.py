"""Somebody with webhooks, on a service of their own."""

import pytest

from tests.auth.people import Service
from tests.notifications.telling import Queue
from tests.serving import plain_log, service

__all__ = ["plain_log", "queue", "service"]


@pytest.fixture
def queue(service: Service) -> Queue:
    """The jobs that come of what is asked for, and are not done."""
    queue = Queue()
    service.client.app_state["jobs"] = queue
    return queue
