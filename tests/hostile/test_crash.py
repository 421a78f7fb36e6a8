"""The server is killed in the middle of its work, and another process works beside it."""

import random
import sys
from pathlib import Path

import anyio
import pytest

from tests.hostile.consistency import is_consistent, volumes
from tests.hostile.places import FIRST_DAY
from tests.hostile.serving import serve
from tests.hostile.writing import POSTED, TICKED, Writer, assert_all_is_there, prepare
from tests.shell.conftest import clean_environment

pytestmark = pytest.mark.anyio


async def test_what_was_acknowledged_is_there_after_a_crash(
    database_url: str, tmp_path: Path
) -> None:
    """Three times, at any moment; and every derived bar follows from what it is derived from."""
    chance = random.Random()
    with serve(database_url, tmp_path) as server:
        prepare(server)
        with Writer(server) as writer:
            for _ in range(3):
                await anyio.sleep(chance.uniform(0.5, 1))
                server.kill()
                server.start()
            await anyio.sleep(0.5)
        assert writer.statuses == {200}
        assert server.crashes == []
        assert await is_consistent(database_url, TICKED, POSTED)
        assert_all_is_there(server, writer)
        assert set(await volumes(database_url, TICKED)) == {len(writer.sent)}
        assert await is_consistent(database_url, TICKED)


async def test_two_processes_write_the_same_symbol(database_url: str, tmp_path: Path) -> None:
    """Bars are posted while others of the same hours are imported; none is lost or left behind."""
    lines = [f"POSTED,{FIRST_DAY + 60 * minute},7,7,7,7,1" for minute in range(1500, 6000)]
    file = tmp_path / "bars.csv"
    file.write_text("\n".join(["symbol,time,open,high,low,close,volume", *lines]))
    with serve(database_url, tmp_path) as server:
        prepare(server)
        command = ["-m", "tradeapi", "import", "bars", str(file), "--exchange", "CRYPTO"]
        with Writer(server) as writer:
            for _ in range(2):
                finished = await anyio.run_process(
                    [sys.executable, *command],
                    env=clean_environment(DATABASE_URL=database_url),
                    cwd=tmp_path,
                    check=False,
                )
                assert finished.returncode == 0, finished.stderr
        assert writer.statuses == {200}
        assert await is_consistent(database_url, TICKED, POSTED)
        later = FIRST_DAY + 60 * 3000
        found = server.get(f"/bars/{POSTED}", resolution="1m", start=later, limit=50_000)
        assert found["close"] == [7] * 3000
