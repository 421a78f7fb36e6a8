"""Whether a market is open, and what comes next."""

from pydantic import BaseModel, Field

from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.models import Exchange


class SessionTimes(BaseModel):
    day: int = Field(description="The time of its daily bar.", examples=[1717977600])
    open: int = Field(examples=[1718026200])
    close: int = Field(examples=[1718049600])


class ExchangeStatus(BaseModel):
    exchange: str = Field(examples=["US"])
    calendar: str = Field(examples=["XNYS"])
    timezone: str = Field(examples=["America/New_York"])
    is_open: bool
    session: SessionTimes = Field(description="The one that is on, else the next.")
    next_open: int | None = Field(description="Null: it never closes, or none is known yet.")
    next_close: int | None
    time: float = Field(description="When this was so.")


class MarketStatus(BaseModel):
    items: list[ExchangeStatus]


async def market_status(calendars: Calendars, exchange: Exchange, now: float) -> ExchangeStatus:
    calendar = await calendars.get(exchange.calendar)
    session = calendar.session(now)
    return ExchangeStatus(
        exchange=exchange.code,
        calendar=calendar.code,
        timezone=calendar.timezone,
        is_open=session.is_open,
        session=SessionTimes(day=session.day, open=session.open, close=session.close),
        next_open=calendar.next_open(now),
        next_close=calendar.next_close(now),
        time=now,
    )
