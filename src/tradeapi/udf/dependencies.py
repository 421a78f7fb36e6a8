"""What the routes of what is saved ask for, each under one name."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from tradeapi.auth.dependencies import PrincipalDep
from tradeapi.udf.forms import Document, Form, read_document, read_form
from tradeapi.udf.layouts import Layouts
from tradeapi.udf.shelf import Shelf
from tradeapi.web.dependencies import DatabaseDep, SessionDep, SettingsDep
from tradeapi.web.principal import Principal

ClientName = Annotated[str, Query(description="What the page calls itself.", examples=["page"])]
UserName = Annotated[
    str,
    Query(
        description="What the page calls its user: keeps apart what one owner saves, and no more.",
        examples=["ada"],
    ),
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
