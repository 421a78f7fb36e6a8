"""POST to where users want it: bounded in time and size, and followed nowhere else."""

import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from functools import cache
from ssl import SSLContext
from typing import Self

import anyio
import httpcore2
from httpx2 import URL

from tradeapi import __version__
from tradeapi.notifications.posting.network import AddressRefused, Names, PublicNetwork, Resolve

CONNECT_SECONDS = 3.0
WHOLE_SECONDS = 15.0
# What an answer says is of no interest; a short one is read, for the connection to be used again.
MOST_BYTES = 16 * 1024
BODY_SECONDS = 1.0
IDLE_SECONDS = 60.0
CONNECTIONS = 1000


class Fault(StrEnum):
    """Why there was no answer."""

    ADDRESS_REFUSED = "address_refused"
    NOT_CONNECTED = "not_connected"
    BAD_CERTIFICATE = "bad_certificate"
    TIMED_OUT = "timed_out"
    BAD_ANSWER = "bad_answer"


class NotPosted(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Answer:
    """`retry_after` is what its header says."""

    status: int
    retry_after: str | None

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def patience(self, now: float) -> float:
        """How many seconds we are asked to wait; 0 where we are not, or nobody can tell."""
        text = self.retry_after or ""
        try:
            if text.isdigit():
                return float(text)
            return max(0.0, parsedate_to_datetime(text).timestamp() - now)
        except (ValueError, OverflowError):
            return 0


class Poster:
    """Keeps connections open from one request to the next; use as `async with`.

    Redirects are answers like any other, proxies of the environment are not asked, and
    certificates are verified for the name in the URL: with `trust`, or else with what the system
    trusts.
    """

    def __init__(
        self,
        *,
        loopback: bool = False,
        resolve: Resolve | None = None,
        trust: SSLContext | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        whole_seconds: float = WHOLE_SECONDS,
    ) -> None:
        self._whole_seconds = whole_seconds
        self._timeouts = {"connect": connect_seconds}
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=trust or _what_the_system_trusts(),
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS // 4,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=PublicNetwork(resolve or Names(), loopback=loopback),
        )
        self._resources = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._resources.enter_async_context(self._pool)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._resources.aclose()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Raises NotPosted, within WHOLE_SECONDS."""
        try:
            with anyio.fail_after(self._whole_seconds):
                return await self._post(url, headers, body)
        except AddressRefused as error:
            raise NotPosted(Fault.ADDRESS_REFUSED) from error
        except (TimeoutError, httpcore2.TimeoutException) as error:
            raise NotPosted(Fault.TIMED_OUT) from error
        except httpcore2.ConnectError as error:
            fault = Fault.BAD_CERTIFICATE if _is_tls(error) else Fault.NOT_CONNECTED
            raise NotPosted(fault) from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise NotPosted(Fault.BAD_ANSWER) from error

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        parsed = URL(url)
        sent = {"user-agent": f"tradeapi/{__version__}", **headers}
        async with self._pool.stream(
            "POST",
            httpcore2.URL(
                scheme=parsed.raw_scheme,
                host=parsed.raw_host,
                port=parsed.port,
                target=parsed.raw_path,
            ),
            headers=[
                (b"host", parsed.netloc),
                *((name.encode(), value.encode()) for name, value in sent.items()),
            ],
            content=body,
            extensions={"timeout": self._timeouts},
        ) as response:
            await _drain(response)
            return Answer(response.status, _header(response, b"retry-after"))


async def _drain(response: httpcore2.Response) -> None:
    """What is left unread closes the connection; the answer is in its first line already."""
    left = MOST_BYTES
    try:
        with anyio.move_on_after(BODY_SECONDS):
            async for part in response.aiter_stream():
                left -= len(part)
                if left < 0:
                    return
    except (httpcore2.NetworkError, httpcore2.ProtocolError):
        return


def _header(response: httpcore2.Response, wanted: bytes) -> str | None:
    for name, value in response.headers:
        if name.lower() == wanted:
            return value.decode("latin-1")
    return None


def _is_tls(error: BaseException | None) -> bool:
    return error is not None and (
        isinstance(error, ssl.SSLError) or _is_tls(error.__cause__ or error.__context__)
    )


@cache
def _what_the_system_trusts() -> SSLContext:
    """Read once: it takes a tenth of a second."""
    return ssl.create_default_context()
