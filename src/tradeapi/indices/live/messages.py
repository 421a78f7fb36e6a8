"""What is said of indices, for the AsyncAPI document."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from tradeapi.indices.schemas import CODE, IndexCode
from tradeapi.streams.messages import Message, Snapshot, TopicName, Update

Session = Annotated[date, Field(description="The day of a session.")]
Symbols = Annotated[list[str], Field(description="Full names, in order.")]
Revision = Annotated[int, Field(description="Rises with each build that is published.")]


class IndicesTopic(TopicName):
    """An index: `indices:{code}`."""

    root: Annotated[str, Field(pattern=f"^indices:{CODE}$", examples=["indices:EW100"])]


class Rebalance(BaseModel):
    """What was changed at the close of a session; it holds for the one after it."""

    date: Session
    entered: Symbols
    exited: Symbols
    turnover: float = Field(description="Half of the sum of all changes of weights.")


_REBALANCE = """"date": "2026-11-26", "entered": ["US:NVDA"], "exited": ["US:INTC"],
        "turnover": 0.01387"""


class IndexSnapshot(Snapshot):
    """What is published of it; it replaces all that you hold."""

    example = f"""{{"type": "snapshot", "topic": "indices:EW100", "epoch": "9e7686ee-7",
        "seq": 13310, "code": "EW100", "symbol": "INDEX:EW100", "revision": 12,
        "date": "2026-11-26", "level": 1060.9761, "count": 100,
        "last_rebalance": {{{_REBALANCE}}}}}"""

    topic: IndicesTopic
    code: IndexCode
    symbol: str = Field(description="Under which it has bars, quotes and alerts.")
    revision: Revision
    date: Session | None = Field(description="The last session that is built.")
    level: float | None = Field(description="At the close of that.")
    count: int = Field(description="How many constituents it has.")
    last_rebalance: Rebalance | None


class IndexBuilt(Update):
    """A build was published: the levels of these sessions are new, or others now."""

    example = """{"type": "index_built", "topic": "indices:EW100", "seq": 14333, "prev": 13310,
        "revision": 13, "start": "2026-11-27", "end": "2026-11-27", "level": 1064.3308}"""

    type: Literal["index_built"]
    topic: IndicesTopic
    revision: Revision
    start: Session
    end: Session
    level: float | None = Field(
        description="At the close of the last; null where later builds have left it out."
    )


class IndexRebalanced(Update, Rebalance):
    """What is held was changed at a close that the build of this revision is of."""

    example = """{"type": "index_rebalanced", "topic": "indices:EW100", "seq": 14334,
        "prev": 14333, "date": "2026-11-27", "entered": ["US:AMD"], "exited": ["US:MU"],
        "turnover": 0.00721, "revision": 13}"""

    type: Literal["index_rebalanced"]
    topic: IndicesTopic
    revision: Revision


MESSAGES: tuple[type[Message], ...] = (IndexSnapshot, IndexBuilt, IndexRebalanced)
