"""The application: begin to read in `application`."""

from tradeapi.app.application import create_app

__all__ = ["create_app"]
