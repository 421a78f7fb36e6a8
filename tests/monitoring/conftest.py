"""Services as processes, and the ports where their operators ask."""

from tests.market.conftest import calendar_data
from tests.processes.conftest import tradeapi
from tests.shell.conftest import client, plain_log, serve_app

__all__ = ["calendar_data", "client", "plain_log", "serve_app", "tradeapi"]
