"""Where the points of a bound series come from: bars of a symbol, or an indicator over a series."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from tradeapi.analytics.adjustments import Adjustment
from tradeapi.analytics.indicators import INDICATORS
from tradeapi.analytics.studies import Study
from tradeapi.errors import Invalid
from tradeapi.market.resolutions import Resolution
from tradeapi.market.symbols.names import EXCHANGE, LONGEST_SYMBOL, TICKER
from tradeapi.web.schemas import In

# Letters, digits, `.`, `_` and `-`, but no two dots in a row.
NAME = r"^\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?$"
LONGEST_NAME = 128
Name = Annotated[str, Field(max_length=LONGEST_NAME, pattern=NAME, examples=["desk"])]
Location = tuple[int | str, ...]

MOST_PARAMETERS = 10


class Source(In):
    """Bars of a symbol, as `GET /api/v1/bars/{symbol}` has them."""

    symbol: Annotated[
        str,
        Field(max_length=LONGEST_SYMBOL, pattern=f"^({EXCHANGE}:)?{TICKER}$", examples=["US:AAPL"]),
    ]
    resolution: Resolution = Field(examples=["1d"])
    adjustment: Adjustment = Adjustment.RAW
    field: Literal["open", "high", "low", "close", "volume"] = Field(
        "close", description="What a point with one value shows of its bar."
    )


class IndicatorSource(In):
    """One output of an indicator, computed over another series of the chart."""

    indicator: str = Field(examples=["rsi"], json_schema_extra={"enum": list(INDICATORS)})
    params: Annotated[
        dict[str, object],
        Field(max_length=MOST_PARAMETERS),
        WithJsonSchema({"type": "object", "additionalProperties": {"type": "number"}}),
    ] = Field(
        default_factory=dict,
        description="What is not given has its default.",
        examples=[{"period": 14}],
    )
    of: Name = Field(description="The series that it is computed over.", examples=["price"])
    output: str | None = Field(
        None, description="Which one, of an indicator that has several.", examples=["rsi"]
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """With all parameters, and an output that there is."""
        try:
            study = Study.of(self.indicator, self.params)
        except Invalid as error:
            raise refusal(
                (tuple(fault.pointer.split("/")[1:]), fault.detail) for fault in error.errors
            ) from error
        outputs = study.indicator.outputs
        if self.output is None and len(outputs) == 1:
            self.output = outputs[0]
        if self.output not in outputs:
            wrong = f"{self.indicator} has the outputs {', '.join(outputs)}: say which."
            raise refusal([(("output",), wrong)])
        self.params = {**study.parameters}
        return self

    @property
    def study(self) -> Study:
        return Study.of(self.indicator, self.params)


def refusal(faults: Iterator[tuple[Location, str]] | list[tuple[Location, str]]) -> ValidationError:
    """Faults by their places; pydantic adds them to those that it has found itself."""
    return ValidationError.from_exception_data(
        "source",
        [
            InitErrorDetails(
                type=PydanticCustomError("source", "{detail}", {"detail": detail}),
                loc=place,
                input=None,
            )
            for place, detail in faults
        ],
    )


def _of_its_kind(value: object) -> object:
    """So that faults are named as those of the kind that is meant, not as those of each."""
    if not isinstance(value, dict):
        raise ValueError("must be an object")  # noqa: TRY004  pydantic's way
    kind = IndicatorSource if "indicator" in value else Source
    return kind.model_validate(value)


AnySource = Annotated[Source | IndicatorSource, BeforeValidator(_of_its_kind)]

_kept: TypeAdapter[Source | IndicatorSource] = TypeAdapter(AnySource)


def read_source(text: bytes) -> Source | IndicatorSource:
    """As it is kept."""
    return _kept.validate_json(text)
