"""The service that the tests of accounts share."""

from tests.serving import plain_log, serve, service

__all__ = ["plain_log", "serve", "service"]
