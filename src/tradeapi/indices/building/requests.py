"""How a build is asked for."""

from datetime import date

from tradeapi.jobs.port import NewJob

NAME = "indices.build"


def build_job(
    code: str, start: date | None = None, end: date | None = None, *, is_gated: bool = False
) -> NewJob:
    """For `TrackedJobs.start`: of one index there is one at a time.

    Data that does not pass keeps a build that `is_gated` from being published.
    """
    payload = {
        "code": code,
        "start": None if start is None else start.isoformat(),
        "end": None if end is None else end.isoformat(),
        "is_gated": is_gated,
    }
    return NewJob(name=NAME, payload=payload, key=f"index:{code}")
