"""What TradingView's clients ask, as it stands in the URL."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from tradeapi.market.quotes.router import LONGEST_LIST
from tradeapi.market.symbols.names import LONGEST_SYMBOL
from tradeapi.udf.dialects import storage_error, udf_error
from tradeapi.udf.resolutions import NAMES

# What JSON numbers of clients can say exactly; no bar is older or newer.
FARTHEST = 2**53

SymbolName = Annotated[
    str,
    Field(
        description="EXCHANGE:TICKER in any case, or a ticker that only one symbol has.",
        examples=["US:AAPL"],
        min_length=1,
        max_length=LONGEST_SYMBOL,
    ),
]
ResolutionName = Annotated[
    str,
    Field(
        description="The width of the bars in minutes, or in days, weeks or months.",
        examples=["1D"],
        json_schema_extra={"enum": [*NAMES.values(), "D", "W", "M"]},
    ),
]
Seconds = Annotated[
    float,
    Field(
        ge=-FARTHEST,
        le=FARTHEST,
        allow_inf_nan=False,
        json_schema_extra={"minimum": -FARTHEST, "maximum": FARTHEST},
    ),
]


class SymbolParameters(BaseModel):
    symbol: SymbolName


class GroupParameters(BaseModel):
    group: Annotated[str, Field(description="An exchange.", examples=["US"], max_length=16)]


class SearchParameters(BaseModel):
    query: Annotated[
        str, Field(description="What was typed.", examples=["APPL"], max_length=1000)
    ] = ""
    type: Annotated[
        str, Field(description="One of `symbols_types`; empty is any.", max_length=100)
    ] = ""
    exchange: Annotated[
        str, Field(description="One of `exchanges`; empty is any.", max_length=100)
    ] = ""
    limit: Annotated[int, Field(ge=1, le=500, description="The most to answer with.")] = 30


class RangeParameters(BaseModel):
    """`from` is a word of Python's."""

    symbol: SymbolName
    resolution: ResolutionName
    start: Annotated[
        Seconds, Field(alias="from", description="The first second.", examples=[1704153600])
    ]
    end: Annotated[
        Seconds,
        Field(alias="to", description="The second after the last.", examples=[1735689600]),
    ]


class HistoryParameters(RangeParameters):
    countback: Annotated[
        int | None,
        Field(
            ge=0,
            description="How many bars before `to`, wherever they begin: `from` does not count "
            "then. 0 is as good as none.",
        ),
    ] = None


class QuotesParameters(BaseModel):
    symbols: Annotated[
        str,
        Field(
            description="Symbols, separated by commas.",
            examples=["US:AAPL,US:MSFT"],
            min_length=1,
            max_length=LONGEST_LIST,
            # Should a client escape every letter of it, the server still takes the address.
            pattern="^[ -~]*$",
        ),
    ]


def answers(example: object) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses=`: one that looks like this, however much there is in it."""
    content = {"application/json": {"schema": {"type": _type_of(example), "example": example}}}
    return {200: {"description": "As TradingView describes it.", "content": content}}


def _type_of(example: object) -> str:
    if isinstance(example, list):
        return "array"
    return "object" if isinstance(example, Mapping) else "integer"


def _errors(example: object) -> dict[int | str, dict[str, Any]]:
    content = {"application/json": {"schema": {"type": "object", "example": example}}}
    return {"default": {"description": "It could not be done, and why.", "content": content}}


UDF_ERRORS = _errors(udf_error("There is no symbol US:NOPE."))
STORAGE_ERRORS = _errors(storage_error("Chart not found"))
