"""Which topics keep a snapshot frame for the next who asks."""

from tradeapi.streams.topics import Topic


class Kept:
    """Bounded: one client can ask for any number of topics, and the frames of each may be large.

    The oldest go first.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._sizes: dict[Topic, int] = {}
        self._bytes = 0

    def add(self, topic: Topic, size: int) -> None:
        self.remove(topic)
        self._sizes[topic] = size
        self._bytes += size
        while self._bytes > self._most_bytes:
            oldest = next(iter(self._sizes))
            self.remove(oldest)
            oldest.forget_snapshot()

    def remove(self, topic: Topic) -> None:
        self._bytes -= self._sizes.pop(topic, 0)
