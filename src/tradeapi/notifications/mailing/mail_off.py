"""The links in mails with which their readers turn them off."""

from collections.abc import Sequence
from uuid import UUID

from itsdangerous import BadData, URLSafeSerializer

from tradeapi.errors import Invalid

PURPOSE = "links that turn mail off"


class MailOff:
    """Tokens without an end: old mails are opened, too, and all that one can do is this."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """The first signs; all of them are good."""
        self._serializer = URLSafeSerializer([*reversed(keys)], salt=PURPOSE)

    def token(self, user: UUID) -> str:
        return str(self._serializer.dumps(user.hex))

    def user_of(self, token: str) -> UUID:
        """Raises Invalid for one that is none."""
        try:
            return UUID(self._serializer.loads(token))
        except (BadData, ValueError, TypeError) as error:
            raise Invalid("The link is none of ours.", code="bad_link") from error
