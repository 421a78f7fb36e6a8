"""`tradeapi index` on the command line."""

import asyncio
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from tests.indices.desk import Desk, date_of
from tradeapi.cli import cli
from tradeapi.database import Database
from tradeapi.errors import Conflict, TradeError
from tradeapi.indices.building.requests import build_job
from tradeapi.tracked.service import TrackedJobs


@pytest.fixture(autouse=True)
def _database(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)


@pytest.fixture
def market(database_url: str) -> None:
    """Two stocks, one of which rises for three days."""

    async def stock() -> None:
        async with Database(database_url) as database:
            desk = Desk(database)
            await desk.stock("US:A", [10, 11, 12.1], shares=1)
            await desk.stock("US:B", [10, 10, 10], shares=1)

    asyncio.run(stock())


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["index", *map(str, arguments)])


@pytest.mark.usefixtures("market")
def test_an_index_is_defined_built_and_shown(tmp_path: Path) -> None:
    """By rules of a file, and what is said beside it counts more; what is shown can be such a
    file."""
    file = tmp_path / "rules.json"
    file.write_bytes(orjson.dumps({"name": "File", "base_value": 500.0, "count": 7}))
    made = run("create", "pair", "--file", file, "--count", "2", "--exchange", "US")
    assert (made.exit_code, made.stdout) == (
        0,
        "PAIR is defined; it has the sessions of 24x7.\n",
    )
    assert "not built" in run("show").stdout
    days = ("--start", str(date_of(0)), "--end", str(date_of(2)))
    built = run("build", "pair", *days).stdout.splitlines()
    assert built[0] == f"Built 3 sessions from {date_of(0)} to {date_of(2)}, revision 1."
    assert built[1:] == [
        "Some counts of shares are undated: whoever was selected by them was so with hindsight."
    ]
    assert f"{date_of(0)} to {date_of(2)}" in run("show").stdout
    shown = orjson.loads(run("show", "pair").stdout)
    rules = shown["definition"]
    assert (rules["name"], rules["base_value"], rules["count"]) == ("File", 500.0, 2)
    assert rules["universe"]["exchanges"] == ["US"]
    file.write_bytes(orjson.dumps(rules))
    assert run("create", "again", "--file", file).exit_code == 0


@pytest.mark.usefixtures("market")
def test_there_is_one_build_at_a_time(database_url: str) -> None:
    """Whoever is at the other one."""

    async def ask() -> None:
        async with Database(database_url) as database, database.transaction() as session:
            desk = Desk(database)
            tracked = TrackedJobs(session, desk.jobs, desk.bus, None, desk.clock.now())
            await tracked.start(build_job("PAIR"), subject="PAIR")

    assert run("create", "PAIR").exit_code == 0
    asyncio.run(ask())
    refused = run("build", "PAIR", "--end", str(date_of(2))).exception
    assert isinstance(refused, Conflict)
    assert refused.code == "job_running"


@pytest.mark.usefixtures("market")
def test_what_cannot_be_done_is_said_in_a_sentence() -> None:
    """And nothing comes of it."""
    for arguments, message in (
        (["create", "E W"], "code: String should match"),
        (["create", "EW", "--count", "0"], "count: Input should be greater"),
        (["create", "EW", "--file", "none.json"], "none.json: "),
        (["create", "EW", "--exchange", "XX"], "no symbol in this universe"),
        (["create", "EW", "--calendar", "NOPE"], "NOPE"),
        (["build", "EW"], "There is no index EW."),
        (["show", "EW"], "There is no index EW."),
    ):
        result = run(*arguments)
        assert result.exit_code != 0
        said = result.exception if isinstance(result.exception, TradeError) else result.stderr
        assert message in str(said).replace("\n", " ")
    assert run("show").stdout == ""
