"""Logging: one JSON event per line (colours on a terminal), also for what libraries log."""

import json
import logging
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson
import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.types import EventDict, Processor, WrappedLogger

# Libraries that install handlers of their own; their loggers must end in ours.
FOREIGN = ("uvicorn", "gunicorn", "sqlalchemy", "alembic")
SECRET_NAMES = ("authorization", "cookie", "token", "password", "secret", "api_key", "apikey")
REDACTED = "[redacted]"
_CREDENTIALS = re.compile(
    r"(?P<kept>://[^:/@\s]*:(?=[^\s/]*@)|\bbearer[\s.]+|\b(?:token|ticket|password|secret|api[_-]?key)=)"
    r"[^\s@&\"',]+",
    re.IGNORECASE,
)


def configure(level: str, *, colours: bool | None = None) -> None:
    """Send every event to stdout; colours where stdout is a terminal, unless told."""
    if sys.stdout.isatty() if colours is None else colours:
        _configure(level, _colourful())
    else:
        _configure(level, _json())


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Hide what the names of an event's fields, nested ones too, say is secret."""
    for key, value in event.items():
        if is_secret(key):
            event[key] = REDACTED
        elif isinstance(value, dict):
            event[key] = _redacted(value)
    return event


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    name = name.lower().replace("-", "_")
    return any(secret in name for secret in SECRET_NAMES)


def without_credentials(text: str) -> str:
    """A library's sentence without passwords in addresses, bearer tokens and the like."""
    return _CREDENTIALS.sub(rf"\g<kept>{REDACTED}", text)


def _redacted(fields: Mapping[Any, Any]) -> dict[Any, Any]:
    return {
        key: REDACTED
        if is_secret(str(key))
        else _redacted(value)
        if isinstance(value, dict)
        else value
        for key, value in fields.items()
    }


def _redact_sentence(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    event["event"] = without_credentials(str(event.get("event", "")))
    return event


# Local variables stay out of tracebacks: they hold passwords and whole request bodies.
_tracebacks = structlog.processors.ExceptionRenderer(
    ExceptionDictTransformer(show_locals=False, max_frames=30)
)


def _json() -> tuple[list[Processor], Processor, Any]:
    """The processors, the last of them for libraries' events, and what writes ours."""
    return (
        [structlog.processors.TimeStamper(fmt="iso", utc=True), _tracebacks],
        structlog.processors.JSONRenderer(serializer=_dump),
        structlog.BytesLoggerFactory(),
    )


def _colourful() -> tuple[list[Processor], Processor, Any]:
    return (
        [structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)],
        structlog.dev.ConsoleRenderer(
            exception_formatter=structlog.dev.RichTracebackFormatter(show_locals=False)
        ),
        structlog.PrintLoggerFactory(),
    )


def _configure(level: str, output: tuple[list[Processor], Processor, Any]) -> None:
    style, renderer, factory = output
    shared = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        redact,
        *style,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, _redact_sentence, *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _text(renderer)],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
    _adopt_foreign_loggers(level)


def _adopt_foreign_loggers(level: str) -> None:
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in FOREIGN:
            logger = logging.getLogger(name)
            logger.handlers = []
            logger.propagate = True
    # One access event per request comes from our own middleware, with the route and the id.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("sqlalchemy.engine").setLevel("INFO" if level == "debug" else "WARNING")
    # What is wrong with a form is told to who sent it, and is nothing to fill our log with.
    logging.getLogger("python_multipart").setLevel("CRITICAL")
    # It logs each call of each statement, and that costs more than the statement.
    logging.getLogger("aiosqlite").setLevel("WARNING")


def _text(renderer: Processor) -> Processor:
    def render(logger: WrappedLogger, name: str, event: EventDict) -> str:
        line = renderer(logger, name, event)
        return line.decode() if isinstance(line, bytes) else str(line)

    return render


def _dump(event: EventDict, **_: object) -> bytes:
    try:
        return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        # Half a surrogate pair in a client's text; what is logged must not fail the request.
        return json.dumps(event, default=str).encode()
