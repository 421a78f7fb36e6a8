"""What wire types of all features share."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

# What no database takes and no page shows stays out: control characters.
LINE = r"^[^\x00-\x1f\x7f]*$"
LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"

Time = Annotated[float, Field(description="In seconds since 1970.", examples=[1795217326.361])]


class In(BaseModel):
    """What callers send: a field too many is a mistake of theirs, or an attempt."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


def never_null(*fields: str) -> Any:  # noqa: ANN401  pydantic has no public type for it
    """A validator of a change: these may be left out, but null says nothing."""

    def is_there(value: object) -> object:
        if value is None:
            raise ValueError("must not be null")
        return value

    return field_validator(*fields)(is_there)
