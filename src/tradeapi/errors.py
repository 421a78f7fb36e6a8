"""Every error a client may see; `code` is one list shared by REST problems and stream errors.

TradeError
├── Invalid       422  well formed, but cannot be honoured
├── Unauthenticated  401  who calls is not known, or not any more
├── Forbidden     403
├── NotFound      404
├── Conflict      409
├── Stale         412  the resource changed since the caller read it
├── TooLarge      413
├── UnsupportedMedia  415
├── TooMany       429  over a rate limit
└── Unavailable   503  a provider or store that is needed is down
"""

from collections.abc import Sequence
from dataclasses import dataclass


class NotStarted(Exception):
    """Why a process does not start, in words for whoever starts it; no client sees it."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field of the request that is wrong; `pointer` is a JSON pointer or `/query/name`."""

    pointer: str
    detail: str


class TradeError(Exception):
    """A sentence for the caller, with the HTTP status and the code a program can act on."""

    status = 500
    code = "internal"

    def __init__(
        self, detail: str, *, code: str | None = None, errors: Sequence[FieldError] = ()
    ) -> None:
        super().__init__(detail)
        self.code = code or self.code
        self.errors = tuple(errors)


class Invalid(TradeError):
    status = 422
    code = "invalid_field"


class Unauthenticated(TradeError):
    status = 401
    code = "unauthenticated"


class Forbidden(TradeError):
    status = 403
    code = "forbidden"


class NotFound(TradeError):
    status = 404
    code = "not_found"


class Conflict(TradeError):
    status = 409
    code = "conflict"


class Stale(TradeError):
    status = 412
    code = "stale_version"


class TooLarge(TradeError):
    status = 413
    code = "too_large"


class UnsupportedMedia(TradeError):
    status = 415
    code = "unsupported_media_type"


class TooMany(TradeError):
    """`retry_after` is in seconds."""

    status = 429
    code = "too_many_requests"

    def __init__(self, detail: str, *, code: str | None = None, retry_after: int) -> None:
        super().__init__(detail, code=code)
        self.retry_after = retry_after


class Unavailable(TradeError):
    """`retry_after` is in seconds."""

    status = 503
    code = "unavailable"

    def __init__(self, detail: str, *, code: str | None = None, retry_after: int = 1) -> None:
        super().__init__(detail, code=code)
        self.retry_after = retry_after
