"""The service that the tests of notifications share."""

from tests.serving import plain_log, serve, service

__all__ = ["plain_log", "serve", "service"]
