"""Which URLs users may name for us to send to."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self

from httpx2 import URL, InvalidURL

from tradeapi.errors import FieldError, Invalid
from tradeapi.notifications.posting.addresses import is_public
from tradeapi.settings import Environment, Settings

LONGEST_URL = 2000
# Of schemes, where none is named; what listens on others does not expect us.
PORTS = frozenset({None, 80, 443, 8443})

# A name in ASCII, or an address without brackets.
_host = re.compile(r"[A-Za-z0-9._:-]+").fullmatch


@dataclass(frozen=True, slots=True)
class Rules:
    """`http`: not only https. `loopback`: this machine, too, on any port."""

    http: bool
    loopback: bool

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            http=settings.environment is Environment.DEVELOPMENT,
            loopback=settings.outgoing_to_loopback,
        )

    def check(self, text: str, pointer: str) -> str:
        """The URL as it is stored, in ASCII; raises Invalid.

        What a name stands for is looked at when we connect, each time anew.
        """
        if fault := self._fault(text):
            raise Invalid(fault, code="url_not_allowed", errors=[FieldError(pointer, fault)])
        return str(URL(text))

    def _fault(self, text: str) -> str | None:
        try:
            url = URL(text)
            host = url.raw_host.decode("ascii")
        except (InvalidURL, UnicodeError, ValueError):
            return "This is no URL."
        if not _host(host) or len(str(url)) > LONGEST_URL:
            return "The URL has no host, or is too long."
        if url.userinfo or url.fragment:
            return "The URL has a name, a password or a fragment in it."
        if url.scheme not in {"https", "http" if self.http else "https"}:
            return "The URL must begin with https://."
        return None if self.loopback else _fault_of_place(host, url.port)


def _fault_of_place(host: str, port: int | None) -> str | None:
    if port not in PORTS:
        return "The URL has a port that is none of the web's: 80, 443 or 8443."
    return None if _may_be_public(host) else "The URL does not lead to the public network."


def _may_be_public(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        # Names without a dot, and the others here, are those of a network of one's own.
        name = host.rstrip(".")
        return "." in name and not name.endswith((".localhost", ".local", ".internal"))
    return is_public(host)
