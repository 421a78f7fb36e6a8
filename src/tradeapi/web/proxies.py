"""Who calls, when our own proxies stand between: what they say is believed, and no one else."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import ASGIApp, Receive, Scope, Send

Address = IPv4Address | IPv6Address

# One caller has as many addresses as such a network holds.
IPV6_PREFIX = 64
UNKNOWN = "unknown"
SCHEMES = {
    "http": {b"http": "http", b"https": "https"},
    "websocket": {b"http": "ws", b"https": "wss", b"ws": "ws", b"wss": "wss"},
}


class Proxies:
    """Puts the caller's own address and scheme into the scope, where a trusted proxy tells them.

    Each proxy adds the address it was called from at the right of X-Forwarded-For; so the caller
    is the first from the right that is not one of ours. What stands further left anybody may have
    written.
    """

    def __init__(self, app: ASGIApp, *, trusted: Sequence[IPv4Network | IPv6Network]) -> None:
        self._app = app
        self._trusted = tuple(trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # In place: the layers outside log the caller, too.
        if self._trusted and scope["type"] in SCHEMES:
            client = scope.get("client")
            peer = _parse(client[0]) if client else None
            if peer is not None and self._trusts(peer):
                self._believe(scope, peer)
        await self._app(scope, receive, send)

    def _believe(self, scope: Scope, peer: Address) -> None:
        forwarded: list[str] = []
        scheme = b""
        for name, value in scope["headers"]:
            if name == b"x-forwarded-for":
                forwarded += value.decode("latin-1").split(",")
            elif name == b"x-forwarded-proto":
                # Of several the last, which our nearest proxy has added.
                scheme = value.rpartition(b",")[2].strip().lower()
        caller = self._caller(peer, forwarded)
        if caller is not peer:
            # The port was of the connection to the proxy.
            scope["client"] = (str(caller), 0)
        scope["scheme"] = SCHEMES[scope["type"]].get(scheme, scope["scheme"])

    def _caller(self, peer: Address, forwarded: list[str]) -> Address:
        """Where the list makes no sense, the last proxy that we know of."""
        caller = peer
        for text in reversed(forwarded):
            address = _parse(text)
            if address is None:
                break
            caller = address
            if not self._trusts(caller):
                break
        return caller

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


@lru_cache(maxsize=4096)
def caller_key(host: str | None) -> str:
    """What stands for an address where callers are counted: of IPv6 its /64."""
    address = _parse(host or "")
    if address is None:
        return UNKNOWN
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((int(address), IPV6_PREFIX), strict=False))


@lru_cache(maxsize=4096)
def _parse(text: str) -> Address | None:
    """An address with or without a port; IPv4 in the clothes of IPv6 is IPv4."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        # What follows a percent sign is a network card of whoever wrote it.
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
