"""The stream topics of jobs: `jobs:{id}`."""

from typing import Never
from uuid import UUID

from tradeapi.errors import FieldError, Invalid, NotFound
from tradeapi.streams.topics import Topic
from tradeapi.tracked.live.followed import FollowedJobs
from tradeapi.tracked.live.source import JobSource
from tradeapi.tracked.service import no_such_job
from tradeapi.web.principal import Principal, Scope


class JobsChannel:
    """For the owner of a job, and for admins."""

    def __init__(self, jobs: FollowedJobs) -> None:
        self._jobs = jobs

    async def admit(self, name: str, principal: Principal) -> None:
        id = _id(name)
        principal.require(Scope.READ)
        owner = None if Scope.ADMIN in principal.scopes else principal.owner
        if not await self._jobs.is_there(id, owner):
            raise no_such_job()

    async def open(self, topic: Topic) -> JobSource:
        return JobSource(topic, _id(topic.name), self._jobs)

    async def replay(self, name: str, _: object, __: object) -> Never:
        detail = f"What {name} was is not kept; replay bars."
        raise Invalid(detail, errors=[FieldError("/topic", detail)])


def _id(name: str) -> UUID:
    """A topic has one name: an id in its one spelling."""
    key = name.partition(":")[2]
    try:
        id = UUID(key)
    except ValueError:
        id = None
    if id is None or str(id) != key:
        detail = f"There is no topic {name[:80]!r}; it has the form jobs:{{id}}."
        raise NotFound(detail, code="unknown_topic")
    return id
