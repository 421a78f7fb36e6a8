"""What waits for one socket: order, conflation, throttle and bounds."""

from itertools import chain

import anyio
import orjson
import pytest

from tradeapi.streams.mailbox import Lagged, Mailbox
from tradeapi.streams.positions import position
from tradeapi.streams.subscription import Subscription
from tradeapi.streams.topics import Change, Topic

pytestmark = pytest.mark.anyio


def listening(mailbox: Mailbox, name: str = "board:a", throttle: float = 0) -> Topic:
    topic = Topic(name)
    topic.begin("epoch", 0)
    subscription = Subscription(topic, mailbox)
    subscription.throttle = throttle
    subscription.want()
    subscription.attach('{"type":"snapshot","seq":0}', [])
    return topic


def tell(topic: Topic, value: object, *, key: object, final: bool = False) -> None:
    change = Change(type="value", fields={"value": value}, key=key, final=final)
    topic.announce([change], topic.version + 1)


def told(texts: list[str]) -> list[object]:
    frames = [orjson.loads(text) for text in texts]
    return [frame.get("value", frame["type"]) for frame in frames]


async def taken(mailbox: Mailbox) -> list[object]:
    with anyio.fail_after(1):
        return told(list(await mailbox.take()))


async def test_a_newer_value_replaces_an_unsent_one_and_takes_its_own_place() -> None:
    """The frames that are sent have rising sequence numbers."""
    mailbox = Mailbox(100)
    topic = listening(mailbox)
    for key, value in (("a", 1), ("b", 2), ("a", 3)):
        tell(topic, value, key=key)
    assert await taken(mailbox) == ["snapshot", 2, 3]
    assert mailbox.conflated == 0


class Sums:
    """Values by their keys, of which each frame has only those that are new."""

    def __init__(self, topic: Topic) -> None:
        self.gathered = 0
        self._topic = topic
        self._values: dict[str, int] = {}
        self._told: dict[str, int] = {}
        topic.gather = self._gather

    def add(self, **values: int) -> None:
        self._values |= values
        self._topic.announce([self._change(values)], self._topic.version + 1)
        self._told |= dict.fromkeys(values, self._topic.seq)

    def _gather(self, after: int) -> Change:
        self.gathered += 1
        return self._change({k: self._values[k] for k, seq in self._told.items() if seq > after})

    def _change(self, values: dict[str, int]) -> Change:
        return Change(type="value", fields={"value": values}, key="sums", adds=True)


async def test_what_adds_to_an_unsent_frame_is_sent_with_it() -> None:
    """A slow client misses nothing, and what it does not take is not made; one that has got all is
    told what is new."""
    mailbox = Mailbox(100)
    topic = listening(mailbox)
    sums = Sums(topic)
    assert await taken(mailbox) == ["snapshot"]
    for values in ({"a": 1, "b": 1}, {"c": 1}, {"a": 2}):
        sums.add(**values)
    tell(topic, "other", key="other")
    sums.add(d=1)
    assert sums.gathered == 0
    assert await taken(mailbox) == ["other", {"a": 2, "b": 1, "c": 1, "d": 1}]
    assert sums.gathered == 1
    sums.add(a=3)
    assert await taken(mailbox) == [{"a": 3}]
    sums.add(b=2)
    sums.add(b=3)
    assert await taken(mailbox) == [{"b": 3}]


async def test_what_follows_a_snapshot_is_added_up() -> None:
    """Also from before the client came."""
    topic, mailbox = Topic("board:a"), Mailbox(100)
    topic.begin("epoch", 0)
    sums = Sums(topic)
    for number in range(3):
        sums.add(**{f"k{number}": number})
    subscription = Subscription(topic, mailbox)
    subscription.want()
    subscription.attach('{"type":"snapshot","seq":0}', topic.since(position(1)) or [])
    assert await taken(mailbox) == ["snapshot", {"k1": 1, "k2": 2}]


async def test_a_final_value_is_never_replaced() -> None:
    """It replaces what was there before it, and what comes later stands beside it."""
    mailbox = Mailbox(100)
    topic = listening(mailbox)
    tell(topic, 1, key="a")
    tell(topic, 2, key="a", final=True)
    tell(topic, 3, key="a")
    tell(topic, 4, key="a", final=True)
    assert await taken(mailbox) == ["snapshot", 2, 4]


async def test_replies_go_first() -> None:
    """An answer does not wait behind the market."""
    mailbox = Mailbox(100)
    topic = listening(mailbox)
    tell(topic, 1, key="a")
    mailbox.say('{"type":"pong"}')
    assert await taken(mailbox) == ["pong", "snapshot", 1]


async def test_the_first_frame_goes_at_once_and_the_rest_at_the_throttle() -> None:
    """Within the throttle only the newest of each key is kept."""
    mailbox = Mailbox(100)
    topic = listening(mailbox, throttle=0.2)
    assert await taken(mailbox) == ["snapshot"]
    began = anyio.current_time()
    for value in range(10):
        tell(topic, value, key="a")
        await anyio.sleep(0.01)
    assert await taken(mailbox) == [9]
    assert anyio.current_time() - began >= 0.19
    await anyio.sleep(0.25)
    tell(topic, 10, key="a")
    with anyio.fail_after(0.05):
        assert await taken(mailbox) == [10]


async def test_a_throttled_topic_does_not_hold_up_the_others() -> None:
    """Each subscription has its own throttle."""
    mailbox = Mailbox(100)
    slow = listening(mailbox, "board:slow", throttle=60)
    fast = listening(mailbox, "board:fast")
    await taken(mailbox)
    tell(slow, "slow", key="a")
    tell(fast, "fast", key="a")
    assert await taken(mailbox) == ["fast"]


async def test_more_than_the_limit_is_a_lag() -> None:
    """Finals pile up for a client that does not read; the memory they take is bounded."""
    mailbox = Mailbox(100)
    topic = listening(mailbox)
    for number in range(1000):
        tell(topic, number, key=number, final=True)
    with pytest.raises(Lagged):
        await mailbox.take()
    held = next(iter(topic.listeners))
    assert isinstance(held, Subscription)
    assert len(held.take(1000)) <= 101


async def test_conflation_keeps_a_slow_client_within_the_limit() -> None:
    """Any number of changes of few keys is no lag."""
    mailbox = Mailbox(100)
    topic = listening(mailbox)
    for number in range(1000):
        tell(topic, number, key=number % 10)
    assert await taken(mailbox) == ["snapshot", *range(990, 1000)]


async def test_a_reset_drops_what_is_unsent_and_waits_for_a_snapshot() -> None:
    """Nothing of the old state follows a reset, and a reset is never lost, not even to another."""
    mailbox = Mailbox(100)
    topic = listening(mailbox)
    await taken(mailbox)
    tell(topic, 1, key="a")
    topic.reset("backfill", "/rest")
    topic.reset("backfill", "/rest")
    topic.begin("epoch", 7)
    tell(topic, 2, key="a")
    subscription = mailbox.next_wanted()
    assert subscription is not None
    subscription.attach('{"type":"snapshot"}', topic.since(position(7)) or [])
    assert await taken(mailbox) == ["reset", "snapshot", 2]


async def test_a_closed_subscription_gets_nothing_more() -> None:
    """What was unsent goes with it, and nobody keeps it."""
    mailbox = Mailbox(100)
    topic = listening(mailbox)
    tell(topic, 1, key="a")
    for listener in tuple(topic.listeners):
        listener.end('{"type":"over"}')
    tell(topic, 2, key="a")
    assert await taken(mailbox) == ["over"]
    assert not topic.listeners


async def test_a_closing_mailbox_hands_out_its_replies_and_then_nothing() -> None:
    """So that the last word is said before the socket closes."""
    mailbox = Mailbox(100)
    listening(mailbox)
    mailbox.say('{"type":"bye"}')
    mailbox.close()
    assert await taken(mailbox) == ["bye"]
    assert await taken(mailbox) == []


async def test_a_large_backlog_is_handed_out_in_parts() -> None:
    """So that the sender's timeout is about a few frames, not about all there are."""
    mailbox = Mailbox(1000)
    topic = listening(mailbox)
    for number in range(300):
        tell(topic, number, key=number)
    parts = [await taken(mailbox) for _ in range(5)]
    assert [len(part) for part in parts] == [64, 64, 64, 64, 45]
    assert list(chain(*parts))[1:] == list(range(300))
