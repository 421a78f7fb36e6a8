"""How many connections to PostgreSQL there are at the most."""

from tradeapi.drivers import READERS

WRITERS = 15
TICKS = LOCKS = JOBS = 1
OF_A_PROCESS = WRITERS + TICKS + READERS + LOCKS + JOBS
# A migration, and a backup or a drill with several of pg_restore's.
OF_OTHERS = 10
# Those that PostgreSQL keeps for superusers.
RESERVED = 3
