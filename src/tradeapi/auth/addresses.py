"""E-mail addresses, by which accounts are known."""

import re
import unicodedata

from tradeapi.mail import Mail

_with_domain = re.compile(r"[^@]+@[^@.]+(\.[^@.]+)+").fullmatch


def normalized(address: str) -> str:
    """As accounts are known by it: people type their address in any case."""
    return unicodedata.normalize("NFC", address.strip()).lower()


def is_address(address: str) -> bool:
    """Whether we could write there; whether mail arrives only a mail can tell."""
    try:
        Mail(normalized(address), "", "")
    except ValueError:
        return False
    return _with_domain(address) is not None
