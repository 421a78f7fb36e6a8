"""Routes that do on demand what goes wrong elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import asyncpg
from fastapi import APIRouter, Body, Path, Query, Response, WebSocket
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy import AsyncAdaptedQueuePool, text
from sqlalchemy.ext.asyncio import create_async_engine

from tradeapi.database import Database
from tradeapi.errors import Conflict, FieldError, Invalid, Unavailable
from tradeapi.web.dependencies import CursorsDep, ReaderDep, SessionDep, SettingsDep
from tradeapi.web.pages import Page


class Bar(BaseModel):
    open: float = Field(ge=0, allow_inf_nan=False)
    tags: list[int] = []


class Reading(BaseModel):
    value: float


def probes() -> APIRouter:
    router = APIRouter(prefix="/probe")
    for add in (_errors, _answers, _sockets, _database, _outages):
        add(router)
    return router


def _errors(router: APIRouter) -> None:
    @router.get("/crash")
    async def crash() -> None:
        raise RuntimeError("internals")

    @router.get("/conflict")
    async def conflict() -> None:
        raise Conflict("You already have one \ud800.", code="taken")

    @router.get("/invalid")
    async def invalid() -> None:
        raise Invalid("No.", errors=[FieldError("/query/a", "is bad")] * 200)

    @router.get("/unavailable")
    async def unavailable() -> None:
        raise Unavailable("Later.", retry_after=7)

    @router.get("/items/{number}")
    async def item(number: Annotated[int, Path()], limit: Annotated[int, Query(le=10)] = 5) -> int:
        return number + limit

    @router.post("/bars")
    async def post(bar: Annotated[Bar, Body()]) -> str:
        return str(bar.open)

    @router.put("/bars")
    async def put(bar: Annotated[Bar, Body()]) -> str:
        return str(bar.open)


def _answers(router: APIRouter) -> None:
    @router.get("/nan")
    async def nan() -> Reading:
        return Reading(value=float("nan"))

    @router.get("/bytes/{size}")
    async def body(size: int, type: str = "application/json") -> Response:
        return Response(b"x" * size, media_type=type)

    @router.get("/encoded")
    async def encoded() -> Response:
        return Response(b"x" * 5000, headers={"content-encoding": "br"}, media_type="text/plain")

    @router.get("/stream")
    async def stream(seconds: float, *, fail: bool = False) -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"x" * 1000
            await asyncio.sleep(seconds)
            if fail:
                raise RuntimeError("internals")
            yield b"y" * 1000

        return StreamingResponse(chunks(), media_type="text/csv")

    @router.get("/sleep")
    async def sleep(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds


def _sockets(router: APIRouter) -> None:
    @router.websocket("/socket")
    async def socket(socket: WebSocket) -> None:
        await socket.accept()
        while True:
            await socket.send_text(await socket.receive_text())

    @router.websocket("/closed")
    async def closed(socket: WebSocket) -> None:
        await socket.close(1008)


def _database(router: APIRouter) -> None:
    @router.post("/exchanges/{code}")
    async def add(session: SessionDep, code: str, *, fail: bool = False) -> str:
        sql = "INSERT INTO exchanges (code, name) VALUES (:code, '')"
        await session.execute(text(sql), {"code": code})
        if fail:
            raise Conflict("Changed my mind.")
        return code

    @router.get("/exchanges")
    async def codes(raw: ReaderDep) -> list[str]:
        return [row[0] for row in await raw.fetch("SELECT code FROM exchanges ORDER BY code")]

    @router.post("/orphan")
    async def orphan(session: SessionDep) -> str:
        """Fails in the commit, not before."""
        await session.execute(text("PRAGMA defer_foreign_keys=ON"))
        sql = "INSERT INTO symbols (symbol, exchange, ticker) VALUES ('NO:A', 'NO', 'A')"
        await session.execute(text(sql))
        return "done"

    @router.get("/pages")
    async def pages(cursors: CursorsDep, settings: SettingsDep, cursor: str = "") -> Page[int]:
        start = int(cursors.decode("numbers", cursor)[0] or 0) if cursor else 0
        end = start + 2
        return Page(
            items=[*range(start, end)],
            next_cursor=cursors.encode("numbers", [end]) if settings.port == 0 else None,
        )


def _outages(router: APIRouter) -> None:
    @router.get("/refused")
    async def refused() -> None:
        async with Database("postgresql://nobody@127.0.0.1:1/none") as database:
            await database.ping()

    @router.get("/exhausted")
    async def exhausted() -> None:
        engine = create_async_engine(
            "sqlite+aiosqlite://",
            poolclass=AsyncAdaptedQueuePool,
            pool_size=1,
            max_overflow=0,
            pool_timeout=0.01,
        )
        try:
            async with engine.connect(), engine.connect():
                pass
        finally:
            await engine.dispose()

    @router.get("/driver-timeout")
    async def driver_timeout() -> None:
        raise TimeoutError

    @router.get("/full")
    async def full() -> None:
        raise asyncpg.DiskFullError

    @router.get("/bug")
    async def bug(raw: ReaderDep) -> None:
        await raw.fetch("SELECT nothing FROM nowhere")
