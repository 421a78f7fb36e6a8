"""Jobs as they are answered: over HTTP, where one is started, and on the stream."""

from collections.abc import Mapping
from typing import Any

from fastapi import Response

from tradeapi.tracked.models import TrackedJob

FIELDS = (
    "name",
    "subject",
    "status",
    "progress",
    "message",
    "cancel_requested",
    "result",
    "error",
    "created_at",
    "started_at",
    "finished_at",
    "status_url",
)


def accepted(job: TrackedJob, response: Response) -> TrackedJob:
    """The answer of a route that starts one: 202 with where it can be watched, as a `JobOut`."""
    response.status_code = 202
    response.headers["location"] = job.status_url
    response.headers["cache-control"] = "no-store"
    return job


def document(job: TrackedJob) -> Mapping[str, Any]:
    return {"id": str(job.id), **{field: getattr(job, field) for field in FIELDS}}
