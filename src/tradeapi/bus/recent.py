"""The newest events of one partition, as they came."""

from collections import deque

# What one of them takes beside its own bytes.
OVERHEAD = 250


class Recent:
    """Bounded: the oldest go first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._order: deque[bytes] = deque()
        self._payloads: dict[bytes, list[bytes]] = {}
        self._bytes = 0

    def add(self, topic: bytes, payload: bytes) -> None:
        self._order.append(topic)
        self._payloads.setdefault(topic, []).append(payload)
        self._bytes += _size(topic, payload)
        while self._bytes > self._most_bytes:
            self._drop_oldest()

    def of(self, topic: bytes) -> list[bytes]:
        return list(self._payloads.get(topic, ()))

    def clear(self) -> None:
        self._order.clear()
        self._payloads.clear()
        self._bytes = 0

    def _drop_oldest(self) -> None:
        topic = self._order.popleft()
        payloads = self._payloads[topic]
        self._bytes -= _size(topic, payloads.pop(0))
        if not payloads:
            del self._payloads[topic]


def _size(topic: bytes, payload: bytes) -> int:
    return len(topic) + len(payload) + OVERHEAD
