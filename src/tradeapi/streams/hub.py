"""Topics and who listens to them; what the topics are about is the channels' business."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol
from uuid import UUID

import anyio
import structlog
from anyio.lowlevel import checkpoint

from tradeapi import metrics
from tradeapi.clock import Clock
from tradeapi.errors import NotFound, TradeError, Unavailable
from tradeapi.streams import positions, protocol
from tradeapi.streams.callers import Callers
from tradeapi.streams.kept import Kept
from tradeapi.streams.limits import Limits
from tradeapi.streams.mailbox import Mailbox
from tradeapi.streams.recordings import Recording
from tradeapi.streams.subscription import Subscription
from tradeapi.streams.topics import Source, Topic, key_of
from tradeapi.web.principal import Principal

# Topics may take half of the connections that read; the other half is for requests.
READS_AT_ONCE = 4
# Of the topics that other topics follow.
READS_BESIDE = 2
RETRY_SECONDS = 1.0
# Whatever else the event loop has to do waits for those of one turn.
HEARTBEATS_AT_ONCE = 100

log = structlog.get_logger()


class Channel(Protocol):
    """A kind of topics, told by what stands before the first colon of their names."""

    async def admit(self, name: str, principal: Principal) -> UUID | None:
        """Whose topic of the name it is, where each user has one; None where there is one for all.

        Raises TradeError for who may not have it; others may follow it already.
        """
        ...

    async def open(self, topic: Topic) -> Source:
        """Check the name and begin to follow what it names; TradeError says why not."""
        ...

    async def replay(self, name: str, start: object, end: object) -> Recording:
        """The topic's past between two times, as a client writes them; until now where `end` is
        None. TradeError says why not.
        """
        ...


class Hub:
    """Opens a topic for its first listener and closes it a while after the last one left."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self.limits = limits
        self.clock = clock
        self.topics: dict[str, Topic] = {}
        self.mailboxes: dict[Mailbox, None] = {}
        self.callers = Callers(limits.connections_per_user)
        self._channels: dict[str, Channel] = {}
        self._reads = asyncio.Semaphore(READS_AT_ONCE)
        self._own_reads: dict[str, asyncio.Semaphore] = {}
        self._kept = Kept(limits.kept_bytes)

    def register(self, kind: str, channel: Channel, *, own_reads: int = 0) -> None:
        """So many of topics that are long to read are read at once; no others wait for them."""
        self._channels[kind] = channel
        if own_reads:
            self._own_reads[kind] = asyncio.Semaphore(own_reads)

    def beside(self) -> "Hub":
        """One of the same channels, for sources that follow topics themselves.

        They wait for these while they are read, and here might wait for their own turn to read.
        """
        hub = Hub(self.limits, self.clock)
        hub._channels = self._channels
        hub._reads = asyncio.Semaphore(READS_BESIDE)
        return hub

    @property
    def is_full(self) -> bool:
        return len(self.mailboxes) >= self.limits.connections

    @contextmanager
    def mailbox(self) -> Iterator[Mailbox]:
        mailbox = Mailbox(self.limits.pending)
        self.mailboxes[mailbox] = None
        try:
            yield mailbox
        finally:
            del self.mailboxes[mailbox]

    async def run(self) -> None:
        """Send heartbeats."""
        while True:
            await anyio.sleep(self.limits.heartbeat_seconds)
            text = protocol.heartbeat(self.clock.now())
            for count, mailbox in enumerate(tuple(self.mailboxes), 1):
                if mailbox in self.mailboxes:
                    mailbox.say(text)
                if count % HEARTBEATS_AT_ONCE == 0:
                    await checkpoint()

    async def admit(self, name: str, principal: Principal) -> UUID | None:
        """Whose topic it is, where each user has one of the name.

        Raises TradeError for who may not have it, whoever else follows it.
        """
        return await self._channel(name).admit(name, principal)

    async def open(self, name: str, owner: UUID | None = None) -> Topic:
        """The topic, held until it is released; raises TradeError where there is none."""
        channel = self._channel(name)
        topic = self._hold(name, owner)
        try:
            async with topic.turn:
                is_over = self.topics.get(topic.key) is not topic
                if topic.source is None and not is_over:
                    # After a restart everybody comes at once; who waits here is not turned away,
                    # as who waits too long for a connection to the database is.
                    async with self._reads_of(topic):
                        topic.source = await channel.open(topic)
        except BaseException:
            self.release(topic)
            raise
        if is_over:
            # It has ended while we waited for our turn.
            self.release(topic)
            return await self.open(name, owner)
        return topic

    async def replay(self, name: str, start: object, end: object) -> Recording:
        """Raises TradeError where there is none."""
        return await self._channel(name).replay(name, start, end)

    def release(self, topic: Topic) -> None:
        topic.holders -= 1
        if topic.holders:
            return
        if topic.source is None:
            self._drop(topic)
        else:
            loop = asyncio.get_running_loop()
            topic.drop = loop.call_later(self.limits.linger_seconds, self._drop, topic)

    def end(self, topic: Topic, error: TradeError) -> None:
        """Tell the listeners that the topic is over; who asks for it again opens a new one."""
        self._drop(topic)
        text = protocol.error(error.code, str(error), topic=topic.name)
        for listener in tuple(topic.listeners):
            listener.end(text)

    async def serve_snapshots(self, mailbox: Mailbox) -> None:
        """Attach every subscription that will ever want it."""
        while True:
            await mailbox.wanted()
            await self.serve_wanted(mailbox)

    async def serve_wanted(self, mailbox: Mailbox) -> None:
        """Attach the subscriptions that want it, one after the other, as fast as they are sent."""
        while (subscription := mailbox.next_wanted()) is not None:
            await self._attach(subscription)
            await mailbox.handed_out(subscription)

    async def _attach(self, subscription: Subscription) -> None:
        """Have it hear all that follows a snapshot, or the position where its client stopped.

        Nothing is awaited between asking the topic what follows and attaching: what is announced
        in between would be in neither.
        """
        topic = subscription.topic
        if self._resume(subscription):
            return
        while not subscription.is_closed:
            history = subscription.history
            try:
                if await self._recall(subscription):
                    return
                seq, text = await self._snapshot(topic, history, subscription.least_seq)
            except Unavailable as error:
                log.warning("stream.snapshot_failed", topic=topic.name, error=str(error))
                await anyio.sleep(RETRY_SECONDS)
                continue
            except TradeError as error:
                self.end(topic, error)
                return
            except Exception:  # a topic that can't be read must not cost the client its others
                log.exception("stream.snapshot_crashed", topic=topic.name)
                self.end(topic, TradeError("The fault is ours."))
                return
            # The topic may have begun just now.
            if self._resume(subscription):
                return
            later = topic.since(seq)
            # While we waited the topic may have been reset, or the client asked for another length.
            if later is not None and subscription.history == history:
                self._tell_loss(subscription)
                subscription.attach(text, later)
                return

    @staticmethod
    def _resume(subscription: Subscription) -> bool:
        """Go on from where the client stopped, if all that followed is here."""
        topic, position = subscription.topic, subscription.resume
        if position is None or position.epoch != topic.epoch:
            return False
        if topic.source is None or not topic.source.resumes:
            return False
        later = topic.since(position.seq)
        if later is None:
            return False
        subscription.resume = None
        metrics.STREAM_RESUMES.labels("hit").inc()
        subscription.attach(
            protocol.resumed(topic.name, topic.epoch, position.seq + 1, topic.seq), later
        )
        return True

    async def _recall(self, subscription: Subscription) -> bool:
        """Go on from there by what is kept elsewhere than here."""
        topic, position = subscription.topic, subscription.resume
        if position is None:
            return False
        async with topic.turn:
            if topic.recall is None:
                return False
            async with self._reads_of(topic):
                recalled = await topic.recall(position.epoch, position.seq)
        later = topic.since(positions.position(recalled.version)) if recalled else None
        if recalled is None or later is None:
            return False
        subscription.resume = None
        metrics.STREAM_RESUMES.labels("hit").inc()
        text = protocol.resumed(topic.name, topic.epoch, position.seq + 1, topic.seq)
        subscription.attach(text, [*topic.frames_of(recalled, position.seq), *later])
        return True

    @staticmethod
    def _tell_loss(subscription: Subscription) -> None:
        """Say that frames were missed, where a snapshot does not make up for all of them."""
        topic, position = subscription.topic, subscription.resume
        subscription.resume = None
        if position is not None and topic.source is not None and topic.source.resumes:
            metrics.STREAM_RESUMES.labels("miss").inc()
            reason = "retention" if position.epoch == topic.epoch else "epoch"
            subscription.tell_loss(protocol.reset(topic.name, reason, topic.source.rest))

    async def _snapshot(self, topic: Topic, history: int, least: int) -> tuple[int, str]:
        """A snapshot frame that takes nobody back who has seen `least`, and its seq."""
        async with topic.turn:
            rendered = topic.rendered(history, least)
            while rendered is None:
                if topic.source is None:
                    raise NotFound(f"The topic {topic.name} is over.")
                async with self._reads_of(topic):
                    snapshot = await topic.source.snapshot(history)
                rendered = topic.render(snapshot, history)
                # It may have ended while it was read.
                if rendered is not None and self.topics.get(topic.key) is topic:
                    self._kept.add(topic, len(rendered[1]))
            return rendered

    def _reads_of(self, topic: Topic) -> asyncio.Semaphore:
        return self._own_reads.get(topic.kind, self._reads)

    def _hold(self, name: str, owner: UUID | None) -> Topic:
        key = key_of(name, owner)
        topic = self.topics.get(key)
        if topic is None:
            topic = self.topics[key] = Topic(name, owner)
        topic.holders += 1
        if topic.drop is not None:
            topic.drop.cancel()
            topic.drop = None
        return topic

    def _drop(self, topic: Topic) -> None:
        if self.topics.get(topic.key) is topic:
            del self.topics[topic.key]
        self._kept.remove(topic)
        if topic.source is not None:
            topic.source.close()
            topic.source = None
            topic.is_begun = False

    def _channel(self, name: str) -> Channel:
        channel = self._channels.get(name.partition(":")[0])
        if channel is None:
            kinds = ", ".join(f"{kind}:" for kind in self._channels)
            detail = f"There is no topic {name[:80]!r}; topics begin with {kinds}."
            raise NotFound(detail, code="unknown_topic")
        return channel
