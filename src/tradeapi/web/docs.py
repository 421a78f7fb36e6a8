"""The interactive documentation, complete without a network: Swagger UI comes with a package."""

from importlib.resources import files
from pathlib import Path

import fastapi_offline
import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from starlette.types import Receive, Scope, Send

from tradeapi.web.principal import FOR_EVERYBODY

router = APIRouter(include_in_schema=False, dependencies=[FOR_EVERYBODY])

# Everything from here, nothing inline but Swagger UI's own style attributes and pictures.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: true,
  presets: [SwaggerUIBundle.presets.apis],
});
"""
ASSETS = Path(str(files(fastapi_offline) / "static"))


class WholeFile(FileResponse):
    """Never a part of it: Starlette's refusals of parts are no problems of ours."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [header for header in scope["headers"] if header[0] != b"range"]
        await super().__call__({**scope, "headers": headers}, receive, send)


@router.get("/")
async def root() -> Response:
    return RedirectResponse("docs")


@router.get("/docs")
async def page(request: Request) -> Response:
    html = PAGE.format(title=request.app.title)
    return HTMLResponse(html, headers={"content-security-policy": POLICY})


@router.get("/docs/start.js")
async def start() -> Response:
    return Response(START, media_type="text/javascript")


@router.get("/docs/swagger-ui-bundle.js")
async def script() -> Response:
    return WholeFile(ASSETS / "swagger-ui-bundle.js", media_type="text/javascript")


@router.get("/docs/swagger-ui.css")
async def style() -> Response:
    return WholeFile(ASSETS / "swagger-ui.css", media_type="text/css")


@router.get("/openapi.json")
async def document(request: Request) -> Response:
    return Response(orjson.dumps(request.app.openapi()), media_type="application/json")
