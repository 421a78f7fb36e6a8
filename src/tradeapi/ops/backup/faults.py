"""What goes wrong with backups, in words for operators.

BackupFault
├── Damaged     a backup is not what it was
├── Busy        another process is at it
├── Empty       there is nothing to make a backup of
└── Unreachable the store, or a server, does not do what it was asked for
"""

from tradeapi.errors import TradeError


class BackupFault(TradeError):
    """Nothing is left half done by it."""


class Damaged(BackupFault):
    pass


class Busy(BackupFault):
    pass


class Empty(BackupFault):
    pass


class Unreachable(BackupFault):
    pass
