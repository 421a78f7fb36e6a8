"""What routes say about jobs."""

from pydantic import Field

from tradeapi.web.schemas import Out, Time


class DeadLetterOut(Out):
    """A job that was given up, without what it was to be done with."""

    id: str = Field(examples=["17"])
    name: str = Field(examples=["webhooks.deliver"])
    key: str | None = Field(description="Of two unfinished jobs with one key there is only one.")
    attempts: int = Field(description="How often it was tried.")
    error: str = Field(
        description="What went wrong the last time.", examples=["ConnectionError: refused"]
    )
    created_at: Time
