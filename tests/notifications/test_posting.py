"""Requests to where users want them: to the public network only, and bounded in every way."""

import itertools
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.notifications import receiver as behaviours
from tests.notifications.receiver import HOST, Behaviour, certify, receiving, status, tls_of
from tradeapi.errors import Invalid
from tradeapi.notifications.posting.addresses import is_public
from tradeapi.notifications.posting.network import Names, Resolve
from tradeapi.notifications.posting.poster import Answer, Fault, NotPosted, Poster
from tradeapi.notifications.posting.urls import Rules

pytestmark = pytest.mark.anyio

PUBLIC = "93.184.215.14"
# Long after it would have been decided, were it decided at all.
SOON = 0.5


def names(*answers: Sequence[str]) -> Resolve:
    """A name server that answers these in turn, and the last of them from then on."""
    left = itertools.chain(answers, itertools.repeat(answers[-1]))

    async def resolve(_: str, __: int) -> Sequence[str]:
        return next(left)

    return resolve


async def fault(poster: Poster, url: str) -> Fault:
    async with poster:
        with pytest.raises(NotPosted) as refusal:
            await poster.post(url, {}, b"{}")
    return refusal.value.fault


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104  nobody listens here
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.9.9.9",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::10.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:0:7f00:1::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_what_is_not_public(address: str) -> None:
    """Nor is what hides one of these in it."""
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [PUBLIC, "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::1.1.1.1"],
)
def test_what_is_public(address: str) -> None:
    """By NAT64, too, without which a network of IPv6 alone reaches little."""
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com/",
        "file:///etc/passwd",
        "http://example.com/",
        "https://",
        "https:///path",
        "https://localhost/",
        "https://intranet/",
        "https://api.localhost/",
        "https://metadata.google.internal/",
        "https://printer.local./",
        "https://2130706433/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://example.com:22/",
        "https://example.com:6379/",
        "https://user:password@example.com/",
        "https://example.com/#fragment",
        "https://exam ple.com/",
        "https://example.com:99999/",
        "https://[::1/",
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    """Each in words, and under the pointer of the field."""
    with pytest.raises(Invalid) as refusal:
        Rules(http=False, loopback=False).check(url, "/url")
    assert (refusal.value.code, refusal.value.errors[0].pointer) == ("url_not_allowed", "/url")


def test_urls_that_are_taken() -> None:
    """In ASCII; http and this machine where they are allowed."""
    strict = Rules(http=False, loopback=False)
    assert strict.check("https://example.com/a?b=c", "/url") == "https://example.com/a?b=c"
    assert strict.check("https://bücher.example/", "/url") == "https://xn--bcher-kva.example/"
    assert strict.check("https://example.com:8443/", "/url") == "https://example.com:8443/"
    assert Rules(http=True, loopback=False).check("http://example.com/", "/url")
    assert Rules(http=True, loopback=True).check("http://127.0.0.1:5000/", "/url")


async def test_a_name_of_this_machine_is_refused() -> None:
    """Whatever the name; nobody connects."""
    async with receiving() as receiver:
        for addresses in (["127.0.0.1"], ["::1"], ["10.0.0.1"], [PUBLIC, HOST], [HOST, PUBLIC]):
            poster = Poster(resolve=names(addresses))
            url = receiver.url(host="hooks.example.com")
            assert await fault(poster, url) is Fault.ADDRESS_REFUSED
    assert receiver.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "0"])
async def test_whatever_the_system_takes_for_this_machine_is_refused(host: str) -> None:
    """Its own resolver knows more spellings than we do."""
    async with receiving() as receiver:
        assert await fault(Poster(), receiver.url(host=host)) is Fault.ADDRESS_REFUSED
    assert receiver.connections == 0


async def test_a_name_is_looked_up_once_for_a_connection() -> None:
    """One that stands for something else a moment later leads nowhere else."""
    asked = []

    async def rebinding(host: str, _: int) -> Sequence[str]:
        asked.append(host)
        return [HOST] if len(asked) == 1 else ["10.0.0.1"]

    async with receiving() as receiver, Poster(resolve=rebinding, loopback=True) as poster:
        url = receiver.url(host="hooks.example.com")
        for _ in range(3):
            assert (await poster.post(url, {}, b"{}")).is_success
        assert (asked, receiver.connections) == (["hooks.example.com"], 1)
        # And the next connection is checked like the first.
        receiver.behaviour = status(200, "connection: close")
        await poster.post(url, {}, b"{}")
        with pytest.raises(NotPosted) as refusal:
            await poster.post(url, {}, b"{}")
    assert refusal.value.fault is Fault.ADDRESS_REFUSED
    assert receiver.requests[0].headers["host"] == f"hooks.example.com:{receiver.port}"


async def test_the_first_address_that_answers_is_taken() -> None:
    """Of several: the others may be those of machines that are down."""
    async with receiving() as receiver:
        resolve = names(["127.0.0.9", "::1", HOST])
        async with Poster(resolve=resolve, loopback=True) as poster:
            url = receiver.url(host="hooks.example.com")
            assert (await poster.post(url, {}, b"{}")).is_success


async def test_a_name_without_an_address() -> None:
    """It may have one later."""
    poster = Poster(resolve=names([]))
    assert await fault(poster, "https://hooks.example.com/") is Fault.NOT_CONNECTED

    async def unknown(_: str, __: int) -> Sequence[str]:
        raise OSError

    assert await fault(Poster(resolve=unknown), "https://example.com/") is Fault.NOT_CONNECTED


async def test_the_system_is_asked_for_names() -> None:
    """Where nobody else is named."""
    assert HOST in await Names()(HOST, 80)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(code: int) -> None:
    """They are an answer that is no success."""
    async with receiving() as other:
        behaviour = status(code, f"location: {other.url()}")
        async with receiving(behaviour) as receiver, Poster(loopback=True) as poster:
            answer = await poster.post(receiver.url(), {}, b"{}")
    assert (answer.status, answer.is_success, other.requests) == (code, False, [])


async def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """They would connect to wherever they are told."""
    async with receiving() as proxy, receiving() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url(""))
        async with Poster(loopback=True) as poster:
            assert (await poster.post(receiver.url(), {}, b"{}")).is_success
    assert (len(receiver.requests), proxy.connections) == (1, 0)


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (behaviours.hang, Fault.TIMED_OUT),
        (behaviours.drip, Fault.TIMED_OUT),
        (behaviours.hang_up, Fault.BAD_ANSWER),
        (behaviours.babble, Fault.BAD_ANSWER),
        (behaviours.flood_head, Fault.BAD_ANSWER),
        (behaviours.foretell, Fault.BAD_ANSWER),
    ],
)
async def test_answers_that_are_none(behaviour: Behaviour, expected: Fault) -> None:
    """They take no longer than the whole may, and no more memory than a head has."""
    async with receiving(behaviour) as receiver:
        poster = Poster(loopback=True, whole_seconds=SOON)
        assert await fault(poster, receiver.url()) is expected


@pytest.mark.parametrize("behaviour", [behaviours.flood, behaviours.drip_body])
async def test_a_body_without_an_end_is_left(behaviour: Behaviour) -> None:
    """What was answered stands in front of it; the next request has a connection of its own."""
    async with receiving(behaviour) as receiver, Poster(loopback=True) as poster:
        assert (await poster.post(receiver.url(), {}, b"{}")).is_success
        receiver.behaviour = status(204)
        assert (await poster.post(receiver.url(), {}, b"{}")).status == 204
        assert receiver.connections == 2


async def test_connections_are_kept() -> None:
    """One request after the other goes over the same."""
    async with receiving() as receiver, Poster(loopback=True) as poster:
        for _ in range(5):
            await poster.post(receiver.url("/a?b=c"), {"x-a": "b"}, b"[1]")
    assert receiver.connections == 1
    request = receiver.requests[4]
    assert (request.target, request.headers["x-a"], request.body) == ("/a?b=c", "b", b"[1]")
    assert request.headers["user-agent"].startswith("tradeapi/")


async def test_nobody_listens() -> None:
    """That is told from a server that does not answer."""
    async with receiving() as receiver:
        url = receiver.url()
    assert await fault(Poster(loopback=True), url) is Fault.NOT_CONNECTED


async def test_certificates_are_those_of_the_name(tmp_path: Path) -> None:
    """Not of the address that was connected to, and somebody has to vouch for them."""
    ours = certify("hooks.example.com", tmp_path / "ours.pem")
    trust = ssl.create_default_context(cafile=ours)
    resolve = names([HOST])
    async with receiving(tls=tls_of(ours)) as receiver:
        url = receiver.url(scheme="https", host="hooks.example.com")
        other = receiver.url(scheme="https", host="other.example.com")
        async with Poster(loopback=True, resolve=resolve, trust=trust) as poster:
            assert (await poster.post(url, {}, b"{}")).is_success
        wrong = Poster(loopback=True, resolve=resolve, trust=trust)
        assert await fault(wrong, other) is Fault.BAD_CERTIFICATE
        alone = Poster(loopback=True, resolve=resolve)
        assert await fault(alone, url) is Fault.BAD_CERTIFICATE
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, 0),
        ("120", 120),
        ("-1", 0),
        ("soon", 0),
        ("9" * 400, float("inf")),
        ("Thu, 01 Jan 1970 00:01:30 GMT", 30),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0),
        ("Thu, 01 Jan 0000 99:00:01 GMT", 0),
    ],
)
def test_how_long_we_are_asked_to_wait(text: str | None, seconds: float) -> None:
    """In seconds or by a date; what is neither is nothing."""
    assert Answer(503, text).patience(60.0) == seconds
