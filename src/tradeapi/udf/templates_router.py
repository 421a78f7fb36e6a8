"""Templates that TradingView's charts save, as `storage_router` has the rest."""

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Response

from tradeapi.udf import examples
from tradeapi.udf.dependencies import FormDep, OpenShelfDep, ShelfDep
from tradeapi.udf.layouts import content_of
from tradeapi.udf.models import Template
from tradeapi.udf.schemas import answers
from tradeapi.udf.storage_answers import in_json, takes, with_data
from tradeapi.udf.templates import Kind, Templates
from tradeapi.web.dependencies import SettingsDep
from tradeapi.web.principal import NEEDS_READ, NEEDS_WRITE

router = APIRouter()

TemplateName = Annotated[str, Query(description="A template's; without it, all of them.")]
ToolName = Annotated[
    str, Query(description="The drawing tool it is for.", examples=["LineToolTrendLine"])
]


def _template_routes(path: str, kind: Kind, told: Callable[[str], object]) -> None:
    """Those of a tool are named by `name`, the others by `template`."""

    async def names(
        shelf: OpenShelfDep,
        settings: SettingsDep,
        template: TemplateName = "",
    ) -> Response:
        templates = Templates(shelf, kind, settings.layouts_per_user)
        if not template:
            return with_data([told(name) for name in await templates.list()])
        return _template(await templates.get(template))

    async def save(form: FormDep, shelf: ShelfDep, settings: SettingsDep) -> Response:
        templates = Templates(shelf, kind, settings.layouts_per_user)
        await templates.save(form.get("name", ""), content_of(form))
        return in_json(examples.DONE)

    async def delete(
        shelf: ShelfDep, settings: SettingsDep, template: TemplateName = ""
    ) -> Response:
        await Templates(shelf, kind, settings.layouts_per_user).delete(template)
        return in_json(examples.DONE)

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
        openapi_extra=takes(name="Mine", content="{}"),
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
    return (
        _template(await templates.get(name, tool))
        if name
        else with_data(await templates.list(tool))
    )


@router.post(
    "/drawing_templates",
    summary="Save a tool's template",
    dependencies=[NEEDS_WRITE],
    openapi_extra=takes(content="{}"),
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
    return in_json(examples.DONE)


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
    return in_json(examples.DONE)


def _template(template: Template) -> Response:
    return with_data({"name": template.name, "content": template.content.decode()})
