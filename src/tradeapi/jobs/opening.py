"""The jobs of a database."""

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.jobs.port import Jobs
from tradeapi.jobs.postgres import PostgresJobs
from tradeapi.jobs.sqlite import SqliteJobs


def jobs_of(database: Database, clock: Clock) -> Jobs:
    return SqliteJobs(database, clock) if database.is_sqlite else PostgresJobs(database, clock)
