"""Who has how many connections to PostgreSQL, as docs/operations.md says it."""

from collections.abc import Collection, Sequence

from tradeapi.connections import BROKERS
from tradeapi.settings import Role, Settings

# A migration, and a backup or a drill with several of pg_restore's.
OF_OTHERS = 10
# Those that PostgreSQL keeps for superusers.
RESERVED = 3


def taken(most: int, roles: Collection[str]) -> int:
    """The most that a process with DATABASE_CONNECTIONS and ROLES has open to the primary."""
    return most if Role.JOBS in roles else most - BROKERS


def of_process(settings: Settings, command: Sequence[str]) -> int:
    """Of one that is told to `serve`, or to be a `worker` with `--roles`."""
    roles = command[-1].split(",") if command[0] == "worker" else settings.roles
    return taken(settings.database_connections, roles)
