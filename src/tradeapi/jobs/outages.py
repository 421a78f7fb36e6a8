"""What pgqueuer says of a database that is away: our own line tells of it, and it is no crash."""

import logging

from tradeapi.web.outages import outage


class WithoutTraces(logging.Filter):
    """Each failure of an outage is a warning of one line; all others stay as they are."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, Exception) and outage(error) is not None:
            record.msg, record.args = f"{record.getMessage()}: {error!r}", ()
            record.exc_info = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True
