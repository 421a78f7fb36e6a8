"""What TradingView's charts save, over its REST API for that, version 1.1, and a little more.

Addresses with a path token in them come here without it. Who saves is who calls, whatever `user`
says: that is sent by the page, and anybody can write any.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy import Row

from tradeapi.udf import examples, templates_router
from tradeapi.udf.dependencies import DocumentDep, FormDep, LayoutsDep, OpenLayoutsDep
from tradeapi.udf.drawings import Drawings
from tradeapi.udf.forms import MOST_FORM_BYTES
from tradeapi.udf.models import Layout
from tradeapi.udf.schemas import STORAGE_ERRORS, answers
from tradeapi.udf.storage_answers import in_json, takes, with_data
from tradeapi.web.dependencies import ClockDep
from tradeapi.web.principal import NEEDS_READ, NEEDS_WRITE

PREFIX = "/udf-storage/1.1"
FORMS = dict.fromkeys(
    (
        f"{PREFIX}/{name}"
        for name in (
            "charts",
            "study_templates",
            "drawing_templates",
            "chart_templates",
            "drawings",
        )
    ),
    MOST_FORM_BYTES,
)


router = APIRouter(prefix=PREFIX, tags=["udf-storage"], responses=STORAGE_ERRORS)

ChartId = Annotated[str, Query(description="A saved chart's; without it, all of them.")]


@router.get(
    "/charts",
    summary="Saved charts, or one",
    dependencies=[NEEDS_READ],
    responses=answers(examples.LAYOUTS),
)
async def charts(layouts: OpenLayoutsDep, chart: ChartId = "") -> Response:
    if not chart:
        return with_data([_told(row) for row in await layouts.list()])
    return with_data(_whole(await layouts.get(chart)))


@router.post(
    "/charts",
    summary="Save a chart, or save it again",
    dependencies=[NEEDS_WRITE],
    openapi_extra=takes(name="Mine", content="{}", symbol="US:AAPL", resolution="1D"),
    responses=answers(examples.SAVED),
)
async def save_chart(
    form: FormDep, layouts: LayoutsDep, clock: ClockDep, chart: ChartId = ""
) -> Response:
    """A new one is told its id."""
    if chart:
        await layouts.overwrite(chart, form, clock.now())
        return in_json(examples.DONE)
    return in_json({**examples.DONE, "id": str(await layouts.create(form, clock.now()))})


@router.delete(
    "/charts",
    summary="Remove a chart",
    dependencies=[NEEDS_WRITE],
    responses=answers(examples.DONE),
)
async def delete_chart(layouts: LayoutsDep, chart: ChartId = "") -> Response:
    await layouts.delete(chart)
    return in_json(examples.DONE)


router.include_router(templates_router.router)

LayoutId = Annotated[str, Query(description="A saved chart's id.")]
PaneName = Annotated[
    str, Query(description="Which of the charts of the layout.", examples=["_shared"])
]
_CHANGED: dict[str, Any] = {"type": ["object", "null"], "additionalProperties": {}}
_CHANGES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"sources": _CHANGED, "groups": _CHANGED},
                    "example": examples.CHANGES,
                }
            }
        },
    }
}


@router.get(
    "/drawings",
    summary="Drawings of a saved chart",
    dependencies=[NEEDS_READ],
    responses=answers(examples.DRAWINGS),
)
async def drawings(
    layouts: OpenLayoutsDep, layout: LayoutId = "", chart: PaneName = ""
) -> Response:
    return with_data(await Drawings(layouts, layout, chart).get())


@router.post(
    "/drawings",
    summary="Change drawings of a saved chart",
    dependencies=[NEEDS_WRITE],
    openapi_extra=_CHANGES,
    responses=answers(examples.DONE),
)
async def change_drawings(
    changes: DocumentDep, layouts: LayoutsDep, layout: LayoutId = "", chart: PaneName = ""
) -> Response:
    """Those that are named are replaced, or removed where they are null; all others stay."""
    await Drawings(layouts, layout, chart).change(changes)
    return in_json(examples.DONE)


def _told(layout: Layout | Row[UUID, str, str, str, float]) -> dict[str, object]:
    return {
        "id": str(layout.id),
        "name": layout.name,
        "symbol": layout.symbol,
        "resolution": layout.resolution,
        "timestamp": int(layout.saved_at),
    }


def _whole(layout: Layout) -> dict[str, object]:
    return {**_told(layout), "content": layout.content.decode()}
