"""The database dies, or nothing is heard of it, while everybody trades and follows."""

from pathlib import Path

import anyio
import pytest

from tests.faults.conftest import SETTINGS
from tests.faults.starting import started
from tests.faults.trading import trading
from tests.hostile.postgres import Postgres
from tests.hostile.serving import Server
from tests.streams.cable import Cable

pytestmark = pytest.mark.anyio


async def test_the_database_dies_or_falls_silent(database: Postgres, tmp_path: Path) -> None:
    """It is killed and started again, cut off, and unheard for a while; nobody is put out."""
    async with Cable(await database.create("far")) as cable:
        server = Server(cable.url, tmp_path, **SETTINGS)
        async with started(server), trading(server.url, backfills=0.01) as trades:
            database.kill()
            await anyio.sleep(0.5)
            database.start()
            await trades.go_on()
            await cable.cut()
            await anyio.sleep(0.5)
            await cable.mend()
            await trades.go_on()
            cable.hold()
            await anyio.sleep(3)
            cable.release()
            await trades.go_on()
            assert not trades.closes
