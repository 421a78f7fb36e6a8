"""What routes ask for that have something done in the background."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from tradeapi.jobs.port import Jobs


async def _jobs(connection: HTTPConnection) -> Jobs:
    jobs: Jobs = connection.state.jobs
    return jobs


JobsDep = Annotated[Jobs, Depends(_jobs)]
