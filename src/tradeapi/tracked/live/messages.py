"""What is said of jobs, for the AsyncAPI document."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from tradeapi.streams.messages import Message, Snapshot, TopicName, Update
from tradeapi.tracked.schemas import JobOut

_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class JobsTopic(TopicName):
    """A job of yours: `jobs:{id}`."""

    root: Annotated[
        str,
        Field(pattern=f"^jobs:{_UUID}$", examples=["jobs:01a218ea-ab01-74d5-bdac-67adaba8abfd"]),
    ]


class _Whole(BaseModel):
    job: JobOut = Field(description="As `GET /api/v1/jobs/{id}` answers it.")


_JOB = """{"id": "01a218ea-ab01-74d5-bdac-67adaba8abfd", "name": "indices.build",
        "subject": "EW100", "status": "running", "progress": 0.62,
        "message": "Built up to 2018-02-15", "cancel_requested": false, "result": null,
        "error": null, "created_at": 1795714362.097, "started_at": 1795714362.215,
        "finished_at": null, "status_url": "/api/v1/jobs/01a218ea-ab01-74d5-bdac-67adaba8abfd"}"""


class JobSnapshot(Snapshot, _Whole):
    """The job as it is."""

    example = f"""{{"type": "snapshot", "topic": "jobs:01a218ea-ab01-74d5-bdac-67adaba8abfd",
        "epoch": "9e7686ee-01a218eaab0174d5bdac67adaba8abfd", "seq": 17406, "job": {_JOB}}}"""

    topic: JobsTopic


class JobUpdate(Update, _Whole):
    """The job as it is now, which replaces what you hold of it."""

    example = f"""{{"type": "job", "topic": "jobs:01a218ea-ab01-74d5-bdac-67adaba8abfd",
        "seq": 18430, "prev": 17406, "job": {_JOB}}}"""

    type: Literal["job"]
    topic: JobsTopic


MESSAGES: tuple[type[Message], ...] = (JobSnapshot, JobUpdate)
