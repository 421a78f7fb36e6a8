"""`tradeapi serve` with sockets of uvicorn's own class, which know nothing beyond ASGI.

`python plain_serve.py serve --port PORT`; the database has been migrated.
"""

import sys

from tradeapi import logging
from tradeapi.app import create_app
from tradeapi.settings import load
from tradeapi.web.server import Server


def main(port: str) -> None:
    settings = load(port=port)
    logging.configure(settings.log_level)
    server = Server(create_app(settings), settings, announce=_announce)
    server.config.ws = "websockets-sansio"
    server.run()


def _announce(address: str) -> None:
    sys.stderr.write(f"tradeapi serves {address}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main(sys.argv[-1])
