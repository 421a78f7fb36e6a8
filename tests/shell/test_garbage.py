"""What is collected, and how often all there is is looked at."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from tradeapi.app.garbage import rare_collections


class Ring:
    """It refers to itself: only the collector can free it."""

    def __init__(self) -> None:
        self.me: Ring = self


@pytest.fixture(autouse=True)
def settled() -> Iterator[None]:
    gc.collect()
    with rare_collections():
        yield


def test_what_has_lived_for_a_while_is_looked_at_once() -> None:
    """It stays frozen through further collections."""
    kept: list[list[object]] = [[] for _ in range(1000)]
    before = gc.get_freeze_count()
    gc.collect()
    assert gc.get_freeze_count() >= before + len(kept)
    frozen = gc.get_freeze_count()
    gc.collect()
    assert gc.get_freeze_count() >= frozen


def test_garbage_is_collected() -> None:
    """What has never been looked at before, at once."""
    ring = weakref.ref(Ring())
    gc.collect()
    assert ring() is None


def test_garbage_among_what_is_frozen_is_collected_when_there_is_much_more() -> None:
    """Until then it waits."""
    kept: list[object] = [Ring()]
    ring = weakref.ref(kept[0])
    gc.collect()
    kept.clear()
    gc.collect()
    assert ring() is not None
    kept = [[] for _ in range(gc.get_freeze_count())]
    gc.collect()
    gc.collect()
    assert ring() is None
