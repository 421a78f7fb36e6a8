"""Jobs on the wire."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from tradeapi.tracked.models import Status
from tradeapi.web.schemas import Out, Time


class JobErrorOut(BaseModel):
    """Why a job has failed."""

    code: str = Field(
        description="What a program can act on, from the list of all errors.",
        examples=["unknown_symbol"],
    )
    detail: str = Field(
        description="A sentence for people.", examples=["There is no symbol US:ACME."]
    )


class JobOut(Out):
    id: UUID = Field(examples=["01a218ea-ab01-74d5-bdac-67adaba8abfd"])
    name: str = Field(description="What is done.", examples=["indices.build"])
    subject: str = Field(description="What it is done to.", examples=["EW100"])
    status: Status = Field(examples=["running"])
    progress: Annotated[float, Field(ge=0, le=1)] = Field(
        description="How far it is; it never goes back, and is 1 once it has succeeded.",
        examples=[0.62],
    )
    message: str = Field(
        description="What it does now, or did last.", examples=["Built up to 2018-02-15"]
    )
    cancel_requested: bool = Field(
        description="Whether it is to stop, or was, before its end.", examples=[False]
    )
    result: dict[str, Any] | None = Field(
        description="Once it has succeeded; what is in it the name says.", examples=[None]
    )
    error: JobErrorOut | None = Field(description="Once it has failed.", examples=[None])
    created_at: Time
    started_at: Time | None = Field(description="When it was begun the first time.")
    finished_at: Time | None = Field(examples=[None])
    status_url: str = Field(
        description="Where to look again.",
        examples=["/api/v1/jobs/01a218ea-ab01-74d5-bdac-67adaba8abfd"],
    )
