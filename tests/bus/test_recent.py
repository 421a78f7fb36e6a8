"""The events that are held."""

from tradeapi.bus.recent import OVERHEAD, Recent


def test_the_oldest_go_first() -> None:
    """Whatever topic they are of, and by their size."""
    recent = Recent(3 * (OVERHEAD + 1 + 100))
    for number in range(4):
        recent.add(b"a", b"%d" % number * 100)
    recent.add(b"b", b"4" * 100)
    assert recent.of(b"a") == [b"2" * 100, b"3" * 100]
    assert recent.of(b"b") == [b"4" * 100]
    recent.add(b"b", b"5" * 300)
    assert (recent.of(b"a"), recent.of(b"b")) == ([], [b"4" * 100, b"5" * 300])


def test_one_that_is_too_large_is_not_held() -> None:
    """Nor is anything before it."""
    recent = Recent(1000)
    recent.add(b"a", b"1")
    recent.add(b"a", b"2" * 1000)
    assert recent.of(b"a") == []
    recent.add(b"a", b"3")
    assert recent.of(b"a") == [b"3"]
    recent.clear()
    assert recent.of(b"a") == []
