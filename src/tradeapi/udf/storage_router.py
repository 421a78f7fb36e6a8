"""What TradingView's charts save, over its REST API for that, version 1.1, and a little more.

Addresses with a path token in them come here without it. Who saves is who calls, whatever `user`
says: that is sent by the page, and anybody can write any.
"""

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy import Row

from tradeapi.auth.dependencies import PrincipalDep
from tradeapi.udf import examples
from tradeapi.udf.drawings import Drawings
from tradeapi.udf.forms import MOST_FORM_BYTES, Document, Form, read_document, read_form
from tradeapi.udf.layouts import Layouts, content_of
from tradeapi.udf.models import Layout, Template
from tradeapi.udf.schemas import STORAGE_ERRORS, answers
from tradeapi.udf.shelf import Shelf
from tradeapi.udf.templates import Kind, Templates
from tradeapi.web.dependencies import ClockDep, DatabaseDep, SessionDep, SettingsDep
from tradeapi.web.principal import NEEDS_READ, NEEDS_WRITE, Principal

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

ClientName = Annotated[str, Query(description="What the page calls itself.", examples=["page"])]
UserName = Annotated[
    str,
    Query(
        description="What the page calls its user: keeps apart what one owner saves, and no more.",
        examples=["ada"],
    ),
]
ChartId = Annotated[str, Query(description="A saved chart's; without it, all of them.")]
TemplateName = Annotated[str, Query(description="A template's; without it, all of them.")]
ToolName = Annotated[
    str, Query(description="The drawing tool it is for.", examples=["LineToolTrendLine"])
]


async def _shelf(
    session: SessionDep, principal: PrincipalDep, client: ClientName = "", user: UserName = ""
) -> Shelf:
    return Shelf(session, _owner(principal), client, user)


async def _open_shelf(
    database: DatabaseDep, principal: PrincipalDep, client: ClientName = "", user: UserName = ""
) -> AsyncIterator[Shelf]:
    async with database.reading() as session:
        yield Shelf(session, _owner(principal), client, user)


def _owner(principal: Principal) -> UUID:
    assert principal.user is not None  # noqa: S101  the route needs a scope, which nobody has not
    return principal.user


ShelfDep = Annotated[Shelf, Depends(_shelf)]
OpenShelfDep = Annotated[Shelf, Depends(_open_shelf, scope="function")]
# Ahead of the shelf in every list of parameters: a body that is slow to come must not hold up the
# others who write.
FormDep = Annotated[Form, Depends(read_form)]
DocumentDep = Annotated[Document, Depends(read_document)]


async def _layouts(shelf: ShelfDep, settings: SettingsDep) -> Layouts:
    return Layouts(shelf, settings.layouts_per_user)


async def _open_layouts(shelf: OpenShelfDep, settings: SettingsDep) -> Layouts:
    return Layouts(shelf, settings.layouts_per_user)


LayoutsDep = Annotated[Layouts, Depends(_layouts)]
OpenLayoutsDep = Annotated[Layouts, Depends(_open_layouts)]

TYPES = ("application/x-www-form-urlencoded", "multipart/form-data", "application/json")


def _takes(**example: str) -> dict[str, Any]:
    """For a route's `openapi_extra`: a form with such texts."""
    texts = {name: {"type": "string"} for name in example}
    schema = {"type": "object", "properties": texts, "required": [*texts], "example": example}
    return {
        "requestBody": {"required": True, "content": {type: {"schema": schema} for type in TYPES}}
    }


@router.get(
    "/charts",
    summary="Saved charts, or one",
    dependencies=[NEEDS_READ],
    responses=answers(examples.LAYOUTS),
)
async def charts(layouts: OpenLayoutsDep, chart: ChartId = "") -> Response:
    if not chart:
        return _data([_told(row) for row in await layouts.list()])
    return _data(_whole(await layouts.get(chart)))


@router.post(
    "/charts",
    summary="Save a chart, or save it again",
    dependencies=[NEEDS_WRITE],
    openapi_extra=_takes(name="Mine", content="{}", symbol="US:AAPL", resolution="1D"),
    responses=answers(examples.SAVED),
)
async def save_chart(
    form: FormDep, layouts: LayoutsDep, clock: ClockDep, chart: ChartId = ""
) -> Response:
    """A new one is told its id."""
    if chart:
        await layouts.overwrite(chart, form, clock.now())
        return _json(examples.DONE)
    return _json({**examples.DONE, "id": str(await layouts.create(form, clock.now()))})


@router.delete(
    "/charts",
    summary="Remove a chart",
    dependencies=[NEEDS_WRITE],
    responses=answers(examples.DONE),
)
async def delete_chart(layouts: LayoutsDep, chart: ChartId = "") -> Response:
    await layouts.delete(chart)
    return _json(examples.DONE)


def _template_routes(path: str, kind: Kind, told: Callable[[str], object]) -> None:
    """Those of a tool are named by `name`, the others by `template`."""

    async def names(
        shelf: OpenShelfDep,
        settings: SettingsDep,
        template: TemplateName = "",
    ) -> Response:
        templates = Templates(shelf, kind, settings.layouts_per_user)
        if not template:
            return _data([told(name) for name in await templates.list()])
        return _template(await templates.get(template))

    async def save(form: FormDep, shelf: ShelfDep, settings: SettingsDep) -> Response:
        templates = Templates(shelf, kind, settings.layouts_per_user)
        await templates.save(form.get("name", ""), content_of(form))
        return _json(examples.DONE)

    async def delete(
        shelf: ShelfDep, settings: SettingsDep, template: TemplateName = ""
    ) -> Response:
        await Templates(shelf, kind, settings.layouts_per_user).delete(template)
        return _json(examples.DONE)

    add = partial(router.add_api_route, path)
    noun = f"{kind} templates"
    add(
        names,
        methods=["GET"],
        name=f"{kind}_templates",
        summary=f"Names of {noun}, or one",
        dependencies=[NEEDS_READ],
        responses=answers({**examples.DONE, "data": [told("Mine")]}),
    )
    add(
        save,
        methods=["POST"],
        name=f"save_{kind}_template",
        summary=f"Save one of the {noun}",
        dependencies=[NEEDS_WRITE],
        openapi_extra=_takes(name="Mine", content="{}"),
        responses=answers(examples.DONE),
    )
    add(
        delete,
        methods=["DELETE"],
        name=f"delete_{kind}_template",
        summary=f"Remove one of the {noun}",
        dependencies=[NEEDS_WRITE],
        responses=answers(examples.DONE),
    )


_template_routes("/study_templates", Kind.STUDY, lambda name: {"name": name})
_template_routes("/chart_templates", Kind.CHART, lambda name: name)


@router.get(
    "/drawing_templates",
    summary="Names of a tool's templates, or one",
    dependencies=[NEEDS_READ],
    responses=answers(examples.TEMPLATES),
)
async def drawing_templates(
    shelf: OpenShelfDep, settings: SettingsDep, tool: ToolName = "", name: TemplateName = ""
) -> Response:
    templates = Templates(shelf, Kind.DRAWING, settings.layouts_per_user)
    return _template(await templates.get(name, tool)) if name else _data(await templates.list(tool))


@router.post(
    "/drawing_templates",
    summary="Save a tool's template",
    dependencies=[NEEDS_WRITE],
    openapi_extra=_takes(content="{}"),
    responses=answers(examples.DONE),
)
async def save_drawing_template(
    form: FormDep,
    shelf: ShelfDep,
    settings: SettingsDep,
    tool: ToolName = "",
    name: TemplateName = "",
) -> Response:
    templates = Templates(shelf, Kind.DRAWING, settings.layouts_per_user)
    # Some clients write these into the form.
    tool, name = tool or form.get("tool", ""), name or form.get("name", "")
    await templates.save(name, content_of(form), tool)
    return _json(examples.DONE)


@router.delete(
    "/drawing_templates",
    summary="Remove a tool's template",
    dependencies=[NEEDS_WRITE],
    responses=answers(examples.DONE),
)
async def delete_drawing_template(
    shelf: ShelfDep, settings: SettingsDep, tool: ToolName = "", name: TemplateName = ""
) -> Response:
    await Templates(shelf, Kind.DRAWING, settings.layouts_per_user).delete(name, tool)
    return _json(examples.DONE)


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
    return _data(await Drawings(layouts, layout, chart).get())


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
    return _json(examples.DONE)


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


def _template(template: Template) -> Response:
    return _data({"name": template.name, "content": template.content.decode()})


def _data(data: object) -> Response:
    return _json({**examples.DONE, "data": data})


def _json(value: object) -> Response:
    # What is somebody's own is for no cache.
    return Response(
        orjson.dumps(value), headers={"cache-control": "no-store"}, media_type="application/json"
    )
