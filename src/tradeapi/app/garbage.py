"""How often the garbage collector looks at all there is: the process stands still meanwhile.

With a thousand clients that is 0.1 s. Python does it whenever a quarter as much has lived for a
while since the last time, though it may be gone by now: a stream's last frames alone suffice. Here
it is done when there is half as much again as the last time.
"""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

GROWTH = 1.5
OLDEST = 2


class Collections:
    """What has outlived one of the oldest is frozen: left out of those to come."""

    def __init__(self) -> None:
        self._is_whole = True
        self._bearable = 0.0
        self._freeze()

    def tell(self, phase: str, info: Mapping[str, int]) -> None:
        """Called before and after each collection, see gc.callbacks."""
        if info["generation"] < OLDEST:
            return
        if phase == "stop":
            self._freeze()
        elif gc.get_freeze_count() > self._bearable:
            gc.unfreeze()
            self._is_whole = True

    def _freeze(self) -> None:
        gc.freeze()
        if self._is_whole:
            self._is_whole = False
            self._bearable = GROWTH * gc.get_freeze_count()


@contextmanager
def rare_collections() -> Iterator[None]:
    """As long as the context is open, from what is here by now on."""
    collections = Collections()
    gc.callbacks.append(collections.tell)
    try:
        yield
    finally:
        gc.callbacks.remove(collections.tell)
        gc.unfreeze()
