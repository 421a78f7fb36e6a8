"""JWTs of one type, signed and verified.

All there is of python-jose. It lets a token name its own algorithm, and overlooks `crit` and what
is missing. So the header is compared and not read: it must be the very text that we put before
what one of our keys signs, and so the key and its algorithm are known before jose sees a token.
"""

import json
import re

from jose import jwk, jws
from jose.exceptions import JWSError
from jose.utils import base64url_decode, base64url_encode

from tradeapi.security.keys import Key, TokenKeys

LONGEST = 4096
LEEWAY_SECONDS = 10  # between the clocks of our machines

_token = re.compile(r"([\w-]+)\.[\w-]+\.([\w-]+)", re.ASCII).fullmatch


class Signatures:
    """`type` is in the header, so nothing of another type is ever taken for one of these."""

    def __init__(self, keys: TokenKeys, type: str) -> None:
        self._type = type
        self._current = keys.accepted[0]
        self._signing = jwk.construct(keys.signing, self._current.algorithm)
        self._keys = {
            _header(key, type): (jwk.construct(key.verifying, key.algorithm), key)
            for key in keys.accepted
        }

    def sign(self, payload: bytes) -> str:
        return jws.sign(
            payload,
            self._signing,
            headers={"kid": self._current.id, "typ": self._type},
            algorithm=self._current.algorithm,
        )

    def is_of_type(self, token: str) -> bool:
        """Whether it says so, and names one of our keys; anybody can write that."""
        return token.partition(".")[0] in self._keys

    def verified(self, token: str) -> bytes | None:
        """The payload; None where none of the keys has signed it."""
        found = _token(token) if len(token) <= LONGEST else None
        if found is None or found[1] not in self._keys:
            return None
        verifying, key = self._keys[found[1]]
        try:
            payload = jws.verify(token, verifying, [key.algorithm])
        except JWSError:
            return None
        # The last character has bits that jose does not look at.
        if base64url_encode(base64url_decode(found[2].encode())) != found[2].encode():
            return None
        return payload

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys as RFC 7517 has them, for others that want to read our tokens."""
        return {
            "keys": [
                {**verifying.to_dict(), "kid": key.id, "use": "sig"}
                for verifying, key in self._keys.values()
                if not key.is_secret
            ]
        }


def _header(key: Key, type: str) -> str:
    header = {"alg": key.algorithm, "kid": key.id, "typ": type}
    encoded: bytes = base64url_encode(json.dumps(header, separators=(",", ":")).encode())
    return encoded.decode()
