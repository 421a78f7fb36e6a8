"""What wire types of all features share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Time = Annotated[float, Field(description="In seconds since 1970.", examples=[1795217326.361])]


class In(BaseModel):
    """What callers send: a field too many is a mistake of theirs, or an attempt."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)
