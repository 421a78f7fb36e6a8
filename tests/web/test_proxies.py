"""Who calls, with and without proxies between."""

from ipaddress import ip_network

import pytest
from starlette.types import Receive, Scope, Send

from tradeapi.settings import Settings
from tradeapi.web.proxies import UNKNOWN, Proxies, caller_key
from tradeapi.web.server import uvicorn_options

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48")]
PROXY = ("10.0.0.1", 4711)


async def seen(
    *headers: tuple[str, str], client: tuple[str, int] | None = PROXY, **options: object
) -> Scope:
    """The scope as it comes out on the inside."""
    scopes = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        scopes.append(scope)

    async def nothing(*_: object) -> dict[str, str]:
        return {}

    scope = {
        "type": "http",
        "scheme": "http",
        "client": client,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        "trusted": TRUSTED,
        **options,
    }
    await Proxies(app, trusted=scope.pop("trusted"))(scope, nothing, nothing)  # type: ignore[arg-type]
    assert scopes == [scope]
    return scope


@pytest.mark.parametrize(
    ("forwarded", "caller"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7, 10.0.0.2,10.0.0.3", "203.0.113.7"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("203.0.113.7:1234", "203.0.113.7"),
        ("[2001:db8::7]:1234", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("2001:DB8:0::7", "2001:db8::7"),
        ("2001:db8::7, 2001:db8:ffff::1", "2001:db8::7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, ::ffff:10.0.0.2", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("unknown", "10.0.0.1"),
        ("", "10.0.0.1"),
        ("203.0.113.7,", "10.0.0.1"),
        ("203.0.113.7, _hidden, 10.0.0.2", "10.0.0.2"),
        ("203.0.113.7, 10.0.0.2.3, 10.0.0.2", "10.0.0.2"),
        ("203.0.113.7, \xff", "10.0.0.1"),
    ],
)
async def test_what_our_proxies_say_is_believed(forwarded: str, caller: str) -> None:
    """From the right, as far as they are ours; what makes no sense ends it."""
    scope = await seen(("x-forwarded-for", forwarded))
    assert scope["client"][0] == caller
    parts = forwarded.split(",")
    lines = [("x-forwarded-for", part) for part in parts]
    assert (await seen(*lines))["client"][0] == caller


@pytest.mark.parametrize("client", [("203.0.113.7", 1), ("::1", 1), ("testclient", 1), None])
async def test_what_others_say_is_not(client: tuple[str, int] | None) -> None:
    """Neither strangers, nor somebody on this machine, unless it is named."""
    headers = (("x-forwarded-for", "198.51.100.1"), ("x-forwarded-proto", "https"))
    scope = await seen(*headers, client=client)
    assert (scope["client"], scope["scheme"]) == (client, "http")
    scope = await seen(*headers, trusted=())
    assert (scope["client"], scope["scheme"]) == (PROXY, "http")


async def test_a_proxy_may_come_by_ipv6() -> None:
    """Also with an IPv4 address in its clothes, as a socket for both has it."""
    for address in ("2001:db8:ffff::1", "::ffff:10.0.0.1"):
        scope = await seen(("x-forwarded-for", "203.0.113.7"), client=(address, 1))
        assert scope["client"] == ("203.0.113.7", 0)


@pytest.mark.parametrize(
    ("forwarded", "http", "socket"),
    [
        ("https", "https", "wss"),
        ("HTTPS", "https", "wss"),
        ("http, https", "https", "wss"),
        ("https,http", "http", "ws"),
        ("wss", "http", "wss"),
        ("ftp", "http", "ws"),
        ("", "http", "ws"),
    ],
)
async def test_the_scheme_is_the_callers(forwarded: str, http: str, socket: str) -> None:
    """Of several what our nearest proxy says; what makes no sense changes nothing."""
    header = ("x-forwarded-proto", forwarded)
    assert (await seen(header))["scheme"] == http
    assert (await seen(header, type="websocket", scheme="ws"))["scheme"] == socket


async def test_the_lifespan_passes() -> None:
    """It has neither client nor headers."""
    assert (await seen(type="lifespan"))["client"] == PROXY


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("testclient", UNKNOWN),
        ("", UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_who_is_counted_as_one_caller(host: str | None, key: str) -> None:
    """An address of IPv4, a network of IPv6, and all who have none."""
    assert caller_key(host) == key


def test_uvicorn_believes_nobody() -> None:
    """By itself it believes whoever is on this machine, in a layer of its own."""
    assert uvicorn_options(Settings())["proxy_headers"] is False
