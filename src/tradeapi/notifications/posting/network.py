"""Connections to the very address that was looked at, whatever its name stands for by then."""

import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import ip_address
from ssl import SSLContext
from typing import Any

import anyio
import anyio.to_thread
import httpcore2
from anyio import CapacityLimiter

from tradeapi.notifications.posting.addresses import is_loopback, is_public

# The addresses of a host. They are those of whoever runs its name server, who is not to be trusted.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

# Of threads that wait for name servers; who waits for one waits no longer than for a connection.
LOOKS_AT_ONCE = 16


# After a request, until the next: twice what is of interest. An answer that never ends, such as one
# that foretells another again and again, is work for as long as it lasts.
MOST_RECEIVED = 32 * 1024


class AddressRefused(Exception):
    """A host has an address that is not on the public network."""


class Names:
    """What the system knows of names."""

    def __init__(self) -> None:
        # Not the threads of others: whose name server is slow keeps nobody else waiting.
        self._threads = CapacityLimiter(LOOKS_AT_ONCE)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        found = await anyio.to_thread.run_sync(
            lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM),
            limiter=self._threads,
            abandon_on_cancel=True,
        )
        return [str(address[0]) for *_, address in found]


class PublicNetwork(httpcore2.AsyncNetworkBackend):
    """TCP to hosts of the public network; with `loopback` to this machine, too."""

    def __init__(self, resolve: Resolve, *, loopback: bool) -> None:
        self._resolve = resolve
        self._loopback = loopback
        self._tcp = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the name is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Raises AddressRefused before a packet is sent, if only one of the addresses is no good:
        who mixes them means no good.
        """
        try:
            with anyio.fail_after(timeout):
                addresses = await self._checked(host, port)
                found = await self._first(addresses, port, timeout, local_address, socket_options)
                return Bounded(found)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(str(error)) from error

    async def _checked(self, host: str, port: int) -> Sequence[str]:
        try:
            addresses = list(dict.fromkeys(await self._resolve(host, port)))
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError("Its name is not known.") from error
        if not addresses:
            raise httpcore2.ConnectError("Its name has no address.")
        if not all(map(self._may_have, addresses)):
            raise AddressRefused
        # A network without IPv6 refuses it slowly.
        return sorted(addresses, key=lambda one: ip_address(one).version)

    def _may_have(self, address: str) -> bool:
        return is_public(address) or (self._loopback and is_loopback(address))

    async def _first(
        self,
        addresses: Sequence[str],
        port: int,
        seconds: float | None,
        local_address: str | None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None,
    ) -> httpcore2.AsyncNetworkStream:
        """The first that answers; each has its share of the time."""
        *others, last = addresses
        share = seconds / len(addresses) if seconds is not None else None
        for address in others:
            try:
                return await self._tcp.connect_tcp(
                    address, port, share, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._tcp.connect_tcp(last, port, share, local_address, socket_options)


class Bounded(httpcore2.AsyncNetworkStream):
    """Reads MOST_RECEIVED after what was last written; then raises ReadError."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream
        self._left = MOST_RECEIVED

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        if not self._left:
            raise httpcore2.ReadError("The answer is too long.")
        received = await self._stream.read(min(max_bytes, self._left), timeout)
        self._left -= len(received)
        return received

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        self._left = MOST_RECEIVED
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  the name is httpcore's
    ) -> httpcore2.AsyncNetworkStream:
        return Bounded(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  whatever a stream knows
        return self._stream.get_extra_info(info)
