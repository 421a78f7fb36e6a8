"""What symbols and exchanges may be called: `EXCHANGE:TICKER` of `[A-Z0-9._-]`."""

import re
from typing import NamedTuple, Self

from tradeapi.errors import Invalid

# Each has a letter or a digit, so that no name is `..`.
EXCHANGE = r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}"
TICKER = r"[._-]{0,3}[A-Za-z0-9][A-Za-z0-9._-]{0,44}"
LONGEST_SYMBOL = 64

_exchange = re.compile(EXCHANGE).fullmatch
_symbol = re.compile(f"({EXCHANGE}):({TICKER})").fullmatch
_symbol_or_ticker = re.compile(f"(?:{EXCHANGE}:)?{TICKER}").fullmatch


class Name(NamedTuple):
    """A symbol's name in its parts."""

    exchange: str
    ticker: str

    @property
    def symbol(self) -> str:
        return f"{self.exchange}:{self.ticker}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The name in upper case; raises Invalid for what no symbol can be called."""
        found = _symbol(text)
        if found is None:
            raise Invalid(
                f"{text[:80]!r} is not a symbol's name, which is EXCHANGE:TICKER with up to 15 and"
                " 48 letters, digits, dots, dashes and underscores.",
                code="invalid_symbol",
            )
        return cls(found[1].upper(), found[2].upper())


def parse_exchange(text: str) -> str:
    """The exchange's code in upper case; raises Invalid for what none can be called."""
    if _exchange(text) is None:
        raise Invalid(
            f"{text[:80]!r} is not an exchange's code, which has up to 15 letters, digits, dots,"
            " dashes and underscores.",
            code="invalid_exchange",
        )
    return text.upper()


def lookup_key(text: str) -> str | None:
    """A symbol's name or a bare ticker in upper case; None for what is neither."""
    return text.upper() if _symbol_or_ticker(text) else None
