"""gunicorn in production: gunicorn -c python:tradeapi.gunicorn_conf "tradeapi.app:create_app()".

It has as many workers as WEB_CONCURRENCY says.
"""

import os
import sys
from http.server import ThreadingHTTPServer
from pathlib import Path

import structlog
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker
from prometheus_client.multiprocess import mark_process_dead
from uvicorn_worker import UvicornWorker

from tradeapi import logging, metrics
from tradeapi.errors import NotStarted
from tradeapi.ops.alone import refuse_company, refuse_workers
from tradeapi.ops.master import answer
from tradeapi.settings import load
from tradeapi.web.server import KEEP_ALIVE_SECONDS, DrainingServer, uvicorn_options

try:
    _settings = load()
except NotStarted as error:
    sys.exit(str(error))


_log = structlog.get_logger("tradeapi.gunicorn")
_answering: list[ThreadingHTTPServer] = []


class OurLogger(Logger):
    """gunicorn's events in our form."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        logging.configure(_settings.log_level)


class OurWorker(UvicornWorker):  # type: ignore[misc]
    CONFIG_KWARGS = uvicorn_options(_settings)

    async def _serve(self) -> None:
        """As that of UvicornWorker, with a server of ours."""
        self.config.app = self.wsgi
        server = DrainingServer(config=self.config)
        self._install_sigquit_handler()
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)


bind = f"{_settings.host}:{_settings.port}"
worker_class = OurWorker
logger_class = OurLogger
keepalive = KEEP_ALIVE_SECONDS
# Somewhat longer than the worker gives its own requests and sockets.
graceful_timeout = max(1, _settings.drain_seconds) + 5
# A worker that drains gives no signs of life.
timeout = max(30, graceful_timeout + 5)
# It would be a socket in $HOME, which may be read-only.
control_socket_disable = True


def on_starting(server: Arbiter) -> None:
    try:
        refuse_workers(_settings, server.cfg.workers)
        refuse_company(_settings)
        if (port := _settings.metrics_port) is not None:
            _answering.append(answer(_settings.host, port, _settings.metrics_path))
    except NotStarted as error:
        sys.exit(str(error))
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is not None:
        metrics.forget_everything(Path(folder))
    elif server.cfg.workers > 1:
        _log.warning("metrics.not_summed", reason="PROMETHEUS_MULTIPROC_DIR is not set")


def post_fork(_: Arbiter, __: Worker) -> None:
    # Only the master answers there, and who comes after it must find it free.
    for server in _answering:
        server.socket.close()


def child_exit(_: Arbiter, worker: Worker) -> None:
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
