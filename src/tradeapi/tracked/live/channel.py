"""The stream topics of jobs: `jobs:{id}`."""

from typing import Never

from tradeapi.streams.names import id_in, not_kept
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
        id = id_in(name)
        principal.require(Scope.READ)
        owner = None if Scope.ADMIN in principal.scopes else principal.owner
        if not await self._jobs.is_there(id, owner):
            raise no_such_job()

    async def open(self, topic: Topic) -> JobSource:
        return JobSource(topic, id_in(topic.name), self._jobs)

    async def replay(self, name: str, _: object, __: object) -> Never:
        raise not_kept(name)
