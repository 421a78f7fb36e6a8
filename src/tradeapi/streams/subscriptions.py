"""The topics that one socket follows."""

from collections.abc import Sequence

from tradeapi import metrics
from tradeapi.errors import TradeError, Unavailable
from tradeapi.streams import protocol
from tradeapi.streams.hub import Hub
from tradeapi.streams.mailbox import Mailbox
from tradeapi.streams.requests import Position, Refused, Rejected, Subscribe, Unsubscribe
from tradeapi.streams.subscription import Subscription
from tradeapi.streams.topics import Topic
from tradeapi.web.principal import Principal


class Subscriptions:
    """What is asked for is answered into the mailbox; `close` lets go of all."""

    def __init__(self, hub: Hub, mailbox: Mailbox) -> None:
        self._hub = hub
        self._mailbox = mailbox
        self._held: dict[str, Subscription] = {}

    async def add(self, request: Subscribe, principal: Principal) -> bool:
        """Whether all could be looked up; for those that could not, asking again may help."""
        most = self._hub.limits.topics
        held = self._held.keys() | set(request.topics)
        if len(held) > most:
            detail = f"{len(held)} topics are more than the {most} of a socket."
            raise Refused("too_many_topics", detail, field="topics", id=request.id)
        rejected, failure = await self._open(request, principal)
        refused = {topic.topic for topic in rejected}
        accepted = [topic for topic in request.topics if topic not in refused]
        self._mailbox.say(protocol.ack(request.id, accepted, rejected))
        for topic in accepted:
            subscription = self._held[topic]
            subscription.history, subscription.throttle = request.history, request.throttle
            subscription.want()
        return failure is None

    def remove(self, request: Unsubscribe) -> None:
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
        for name, subscription in self._held.items():
            try:
                await self._hub.admit(name, principal)
            except TradeError as error:
                subscription.end(protocol.error(error.code, str(error), topic=name))

    def close(self) -> None:
        for subscription in self._held.values():
            self._release(subscription)

    async def _open(
        self, request: Subscribe, principal: Principal
    ) -> tuple[Sequence[Rejected], Unavailable | None]:
        """Hold the topics that are not held yet; those that can't be had, and what is away."""
        rejected = []
        failure: Unavailable | None = None
        for name in request.topics:
            held = self._held.get(name)
            if held is not None and not held.is_closed:
                continue
            if failure is None:
                try:
                    await self._hub.admit(name, principal)
                    self._hold(await self._hub.open(name), request.resume.get(name))
                except Unavailable as error:
                    # Five hundred more waits for a database that is down would help nobody.
                    failure = error
                except TradeError as error:
                    rejected.append(Rejected(name, error.code, str(error)))
            if failure is not None:
                rejected.append(Rejected(name, failure.code, str(failure)))
        known = {topic.topic for topic in rejected}
        # While one was looked up another may have ended.
        over = [name for name in request.topics if name not in known and self._held[name].is_closed]
        rejected += [Rejected(name, "not_found", f"The topic {name} is over.") for name in over]
        return rejected, failure

    def _hold(self, topic: Topic, resume: Position | None) -> None:
        ended = self._held.get(topic.name)
        if ended is not None:
            self._release(ended)
        self._held[topic.name] = Subscription(topic, self._mailbox, resume)
        metrics.STREAM_SUBSCRIPTIONS.labels(topic.kind).inc()

    def _release(self, subscription: Subscription) -> None:
        subscription.close()
        self._hub.release(subscription.topic)
        metrics.STREAM_SUBSCRIPTIONS.labels(subscription.topic.kind).dec()
