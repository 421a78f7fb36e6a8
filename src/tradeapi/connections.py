"""How many connections a process takes to PostgreSQL, and for what; there is no other place."""

from dataclasses import dataclass
from typing import Self

MOST = 32
# With fewer, requests that write wait for each other.
FEWEST = 10
# One holds the names that the process has on the database, and one brings it jobs.
LOCKS = 1
BROKERS = 1


@dataclass(frozen=True, slots=True)
class Connections:
    """`singles` write single statements, `replica` are to the replica, where there is one."""

    writers: int
    readers: int
    singles: int

    @classmethod
    def of(cls, most: int) -> Self:
        """The shares of `most`, without what holds names and brings jobs."""
        shared = most - LOCKS - BROKERS
        writers = shared // 2
        singles = (shared - writers) // 2
        return cls(writers, shared - writers - singles, singles)

    @property
    def replica(self) -> int:
        return self.readers
