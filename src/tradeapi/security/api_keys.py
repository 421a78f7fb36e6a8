"""API keys and path tokens: a mark, a prefix to find one by, `_`, what only its owner knows, and a
checksum.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
PREFIX_LENGTH = 8
SECRET_LENGTH = 32  # 190 bits
CHECKSUM_LENGTH = 6  # of 32 bits

_key = re.compile(
    rf"(t[kp]_)([0-9A-Za-z]{{{PREFIX_LENGTH}}})_[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}"
).fullmatch


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Shown to its owner once as `text`; we store its prefix and its hash.

    With the checksum a typo, or whatever else a scanner for leaked keys comes across, is told
    from a key without a look into the database.
    """

    mark: ClassVar[str] = "tk_"

    prefix: str
    text: str = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        prefix = _random(PREFIX_LENGTH)
        text = f"{cls.mark}{prefix}_{_random(SECRET_LENGTH)}"
        return cls(prefix, text + _checksum(text))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """None: it is no key of ours, and never was."""
        found = _key(text)
        if found is None or found[1] != cls.mark:
            return None
        if _checksum(text[:-CHECKSUM_LENGTH]) != text[-CHECKSUM_LENGTH:]:
            return None
        return cls(found[2], text)

    def hash(self, pepper: bytes) -> str:
        """HMAC-SHA256: whoever reads the database alone can neither use nor make a key."""
        return hmac.new(pepper, self.text.encode(), hashlib.sha256).hexdigest()

    def is_right(self, hash: str, peppers: Sequence[bytes]) -> bool:
        """Whether `hash` is its own under one of the peppers; takes as long whichever it is."""
        matches = [hmac.compare_digest(self.hash(pepper), hash) for pepper in peppers]
        return any(matches)


class PathToken(ApiKey):
    """The same for an address, and good for nothing else."""

    mark: ClassVar[str] = "tp_"
    __slots__ = ()


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _checksum(text: str) -> str:
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
