"""The topics that one socket follows."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from tradeapi import metrics
from tradeapi.errors import Forbidden, TradeError, Unavailable
from tradeapi.streams import protocol
from tradeapi.streams.hub import Hub
from tradeapi.streams.mailbox import Mailbox
from tradeapi.streams.requests import Position, Refused, Rejected, Subscribe, Unsubscribe
from tradeapi.streams.subscription import Subscription
from tradeapi.streams.topics import Topic
from tradeapi.web.principal import Principal


class Lookups(NamedTuple):
    """`in_vain` topics can't be had; not `is_complete`: asking for some again may help."""

    in_vain: int
    is_complete: bool


class Subscriptions:
    """What is asked for is answered into the mailbox; `close` lets go of all."""

    def __init__(self, hub: Hub, mailbox: Mailbox) -> None:
        self._hub = hub
        self._mailbox = mailbox
        self._held: dict[str, Subscription] = {}

    async def add(self, request: Subscribe, principal: Principal) -> Lookups:
        """What came of looking up the topics."""
        self._let_go_of_ended()
        most = self._hub.limits.topics
        held = self._held.keys() | set(request.topics)
        if len(held) > most:
            detail = f"{len(held)} topics are more than the {most} of a socket."
            raise Refused("too_many_topics", detail, field="topics", id=request.id)
        rejected, failure = await self._open(request, principal)
        # From here on nothing is awaited: one that ended meanwhile would be accepted, and silent.
        refused = {topic.topic for topic in rejected}
        accepted = [topic for topic in request.topics if topic not in refused]
        self._mailbox.say(protocol.ack(request.id, accepted, rejected))
        for topic in accepted:
            subscription = self._held[topic]
            subscription.history, subscription.throttle = request.history, request.throttle
            subscription.want()
        return Lookups(0 if failure else len(rejected), is_complete=failure is None)

    def remove(self, request: Unsubscribe) -> None:
        self._let_go_of_ended()
        rejected = []
        for name in request.topics:
            subscription = self._held.pop(name, None)
            if subscription is None:
                detail = f"You are not subscribed to {name}."
                rejected.append(Rejected(name, "not_found", detail))
            else:
                self._release(subscription)
        missing = {topic.topic for topic in rejected}
        gone = [name for name in request.topics if name not in missing]
        self._mailbox.say(protocol.ack(request.id, gone, rejected))

    async def review(self, principal: Principal) -> None:
        """End the topics that are not for this caller, who has taken the socket over."""
        self._let_go_of_ended()
        for name, subscription in self._held.items():
            try:
                owner = await self._hub.admit(name, principal)
            except TradeError as error:
                subscription.end(protocol.error(error.code, str(error), topic=name))
            else:
                if owner != subscription.topic.owner:
                    detail = f"These {name} were another user's; subscribe to your own."
                    subscription.end(protocol.error(Forbidden.code, detail, topic=name))

    def close(self) -> None:
        for subscription in self._held.values():
            self._release(subscription)

    async def _open(
        self, request: Subscribe, principal: Principal
    ) -> tuple[Sequence[Rejected], Unavailable | None]:
        """Hold the topics that are not held yet; those that can't be had, and what is away.

        One of them may end while the others are looked up, and then is looked up once more.
        """
        rejected: dict[str, Rejected] = {}
        failure: Unavailable | None = None
        while missing := self._missing(request.topics, rejected):
            for name in missing:
                if failure is None:
                    try:
                        owner = await self._hub.admit(name, principal)
                        topic = await self._hub.open(name, owner)
                        self._hold(topic, request.resume.get(name))
                    except Unavailable as error:
                        # Five hundred more waits for a database that is down would help nobody.
                        failure = error
                    except TradeError as error:
                        rejected[name] = Rejected(name, error.code, str(error))
                if failure is not None:
                    rejected[name] = Rejected(name, failure.code, str(failure))
        return tuple(rejected.values()), failure

    def _missing(self, names: Sequence[str], rejected: Collection[str]) -> Sequence[str]:
        self._let_go_of_ended()
        return [name for name in names if name not in self._held and name not in rejected]

    def _let_go_of_ended(self) -> None:
        """Their client has been told that they are over, unless he has not been told of them."""
        for name, subscription in tuple(self._held.items()):
            topic = subscription.topic
            if subscription.is_closed or self._hub.topics.get(topic.key) is not topic:
                self._release(self._held.pop(name))

    def _hold(self, topic: Topic, resume: Position | None) -> None:
        self._held[topic.name] = Subscription(topic, self._mailbox, resume)
        metrics.STREAM_SUBSCRIPTIONS.labels(topic.kind).inc()

    def _release(self, subscription: Subscription) -> None:
        subscription.close()
        self._hub.release(subscription.topic)
        metrics.STREAM_SUBSCRIPTIONS.labels(subscription.topic.kind).dec()
