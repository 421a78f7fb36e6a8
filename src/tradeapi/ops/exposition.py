"""What Prometheus scrapes."""

import asyncio

from fastapi import APIRouter, Request, Response

from tradeapi.metrics import scrape
from tradeapi.web.principal import NEEDS_READ

FORMATS = ("text/plain", "application/openmetrics-text")


def metrics_router(path: str) -> APIRouter:
    router = APIRouter(tags=["operations"])

    @router.get(
        path,
        summary="Metrics for Prometheus",
        dependencies=[NEEDS_READ],
        response_class=Response,
        responses={
            200: {"content": {format: {"schema": {"type": "string"}} for format in FORMATS}}
        },
    )
    async def metrics(request: Request) -> Response:
        """In the text format, or OpenMetrics when `Accept` asks for it; all processes' sums."""
        return await exposition(request)

    return router


async def exposition(request: Request) -> Response:
    accept = request.headers.get("accept", "")
    # Rendering takes milliseconds that no other request should wait for.
    body, content_type = await asyncio.to_thread(scrape, accept)
    return Response(body, headers={"content-type": content_type})
