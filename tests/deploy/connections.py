"""What else has connections to PostgreSQL, beside the processes of the service."""

from collections.abc import Sequence

from tradeapi.connections import taken
from tradeapi.settings import Settings

# A migration, and a backup or a drill with several of pg_restore's.
OF_OTHERS = 10
# Those that PostgreSQL keeps for superusers.
RESERVED = 3


def of_process(settings: Settings, command: Sequence[str]) -> int:
    """Of one that is told to `serve`, or to be a `worker` with `--roles`."""
    roles = command[-1].split(",") if command[0] == "worker" else settings.roles
    return taken(settings.database_connections, roles)
