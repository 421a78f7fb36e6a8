"""The application with routes that make something, and with what may go wrong on the way.

Run as a program it serves them, and dies where it is told to.
"""

import os
import secrets
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import insert, text

from tradeapi.app import create_app
from tradeapi.clock import Clock
from tradeapi.database import after_commit
from tradeapi.errors import Conflict
from tradeapi.settings import Settings
from tradeapi.web.claims import claim_of
from tradeapi.web.dependencies import DatabaseDep, SessionDep
from tradeapi.web.idempotency import Idempotent
from tradeapi.web.models import KeptAnswer
from tradeapi.web.principal import FOR_EVERYBODY, NEEDS_WRITE
from tradeapi.web.server import Server

MAKE = text("INSERT INTO exchanges (code, name) VALUES (:code, :name)")
Fault = Callable[[], Awaitable[object]]


class Stage:
    """Where one request waits until the test lets it go on."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.released = threading.Event()

    async def hold(self) -> None:
        self.entered.set()
        await anyio.to_thread.run_sync(self.released.wait, 20)


async def refuse() -> None:
    raise Conflict("Not this time.", code="refused")


async def crash() -> None:
    raise RuntimeError("internals")


async def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def answer_an_error() -> Response:
    return Response(b"no", 409)


async def answer_nonsense() -> object:
    return {"code": object()}


async def answer_a_stream() -> Response:
    return StreamingResponse(iter([b"a"]), 201)


IN_TIME: dict[str, Fault] = {
    "refuse": refuse,
    "crash": crash,
    "die": die,
    "error": answer_an_error,
    "nonsense": answer_nonsense,
    "stream": answer_a_stream,
}
AFTER_THE_COMMIT: dict[str, Callable[[], Awaitable[None]]] = {"late-crash": crash, "late-die": die}


async def _twin(request: Request, database: DatabaseDep) -> Fault:
    """Another process has kept its answer meanwhile, past every lock."""

    async def keep() -> None:
        claim = claim_of(request.scope)
        assert claim is not None
        async with database.transaction() as session:
            twin = insert(KeptAnswer).values(
                name=claim.name, user_id=claim.user, fingerprint="", sealed=b"", expires_at=9e9
            )
            await session.execute(twin)

    return keep


def probes(stage: Stage) -> APIRouter:
    router = APIRouter(prefix="/probe", route_class=Idempotent)

    @router.post(
        "/exchanges/{name}",
        status_code=201,
        response_model=dict[str, str],
        dependencies=[NEEDS_WRITE],
    )
    async def make(
        session: SessionDep,
        name: str,
        response: Response,
        twin: Annotated[Fault, Depends(_twin)],
        x_fault: Annotated[str, Header()] = "",
    ) -> object:
        code = secrets.token_hex(8)
        await session.execute(MAKE, {"code": code, "name": name})
        faults = {**IN_TIME, "hold": stage.hold, "twin": twin}
        if x_fault in AFTER_THE_COMMIT:
            after_commit(session, AFTER_THE_COMMIT[x_fault])
        elif x_fault and (answer := await faults[x_fault]()) is not None:
            return answer
        response.headers["etag"] = f'"{code}"'
        response.headers["location"] = f"/probe/exchanges/{code}"
        return {"code": code}

    @router.post(
        "/others/{name}", status_code=204, response_class=Response, dependencies=[NEEDS_WRITE]
    )
    async def make_other(session: SessionDep, name: str) -> None:
        await session.execute(MAKE, {"code": secrets.token_hex(8), "name": name})

    @router.post("/open", dependencies=[FOR_EVERYBODY])
    async def make_open(session: SessionDep) -> str:
        code = secrets.token_hex(8)
        await session.execute(MAKE, {"code": code, "name": ""})
        return code

    return router


def application(settings: Settings, stage: Stage, clock: Clock | None = None) -> FastAPI:
    app = create_app(settings, clock)
    app.include_router(probes(stage))
    return app


def announce(address: str) -> None:
    sys.stderr.write(f"{address}\n")


def main() -> None:
    settings = Settings()
    Server(application(settings, Stage()), settings, announce).run()


if __name__ == "__main__":
    main()
