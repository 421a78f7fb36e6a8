"""Encryption to public keys, with age: who can write backups need not be able to read them."""

from collections.abc import Sequence
from pathlib import Path

import pyrage
from pyrage import x25519

from tradeapi.errors import NotStarted
from tradeapi.ops.backup.faults import Damaged, Unreachable
from tradeapi.ops.backup.streaming import Chunks, Measured, Writer, copy
from tradeapi.settings import Settings

SECRET = "AGE-SECRET-KEY-"  # noqa: S105  how one begins


class Keys:
    """`recipients` are public keys, as they are written."""

    def __init__(self, settings: Settings) -> None:
        self.recipients = settings.backup_recipients
        self._public = [_recipient(key) for key in self.recipients]
        self._identity = settings.backup_identity

    def seal(self, reader: Chunks, writer: Measured) -> None:
        if not self._public:
            copy(reader, writer)
            return
        try:
            pyrage.encrypt_io(reader, writer, self._public)
        except (pyrage.EncryptError, OSError) as error:
            raise reader.error or writer.error or Unreachable(str(error)) from error

    def unseal(self, reader: Chunks, writer: Writer) -> None:
        """Raises Damaged where it is not what was sealed, NotStarted without the key to it."""
        identities = self.identities()
        try:
            pyrage.decrypt_io(reader, writer, identities)
        except (pyrage.DecryptError, OSError) as error:
            if reader.error is not None:
                raise reader.error from error
            if "No matching keys" in str(error):
                raise NotStarted(
                    "BACKUP_IDENTITY: has no key to this backup; its manifest names the recipients."
                ) from error
            raise Damaged(f"It can't be decrypted: {error}.") from error

    def identities(self) -> Sequence[x25519.Identity]:
        """Raises NotStarted where there is none."""
        if self._identity is None:
            raise NotStarted(
                "BACKUP_IDENTITY: this backup is encrypted. Set the secret key, or a file with it."
            )
        return _identities(self._identity.get_secret_value())


def _recipient(key: str) -> x25519.Recipient:
    try:
        return x25519.Recipient.from_str(key)
    except pyrage.RecipientError as error:
        raise NotStarted(f"BACKUP_RECIPIENTS: {key} is no public key of age: {error}.") from error


def _identities(value: str) -> Sequence[x25519.Identity]:
    try:
        text = value if value.startswith(SECRET) else Path(value).read_text()
        # As age-keygen writes it, with comments.
        keys = [line.strip() for line in text.splitlines() if line.startswith(SECRET)]
        found = [x25519.Identity.from_str(key) for key in keys]
    except OSError as error:
        raise NotStarted(f"BACKUP_IDENTITY: {error.strerror}: no such key or file.") from error
    except (pyrage.IdentityError, UnicodeDecodeError) as error:
        raise NotStarted(f"BACKUP_IDENTITY: is no secret key of age: {error}.") from error
    if not found:
        raise NotStarted(f"BACKUP_IDENTITY: the file has no line that begins with {SECRET}.")
    return found
