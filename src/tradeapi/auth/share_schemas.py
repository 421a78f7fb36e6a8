"""Shares on the wire."""

from uuid import UUID

from pydantic import BaseModel, Field

from tradeapi.security.share_tokens import MOST_DAYS
from tradeapi.web.schemas import In, Out, Time


class ShareIn(In):
    expires_in_days: int = Field(7, ge=1, le=MOST_DAYS, examples=[7])


class ShareOut(Out):
    id: UUID
    created_at: Time
    expires_at: Time


class NewShareOut(ShareOut):
    token: str = Field(description="Shown this once; to be sent as a bearer token.")


class SharesOut(BaseModel):
    items: list[ShareOut]
