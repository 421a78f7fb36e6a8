"""`tradeapi import` on the command line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.market.imports import HEADER, day, rejected, write
from tradeapi.cli import cli


@pytest.fixture(autouse=True)
def _own_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'new.db'}")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["import", *map(str, arguments)])


def test_an_import_ends_with_a_summary(tmp_path: Path) -> None:
    """Of a database that did not exist; rejected rows do not make it a failure."""
    path = write(
        tmp_path / "a.csv", HEADER, *(f"{day(n)},A,1,2,1,2,3" for n in range(3)), "x,A,1,2,1,2,3"
    )
    result = run("bars", path, "--exchange", "us")
    assert result.exit_code == 0, result.output
    assert [line.split() for line in result.stdout.splitlines()][1:6] == [
        ["inserted", "3"],
        ["updated", "0"],
        ["unchanged", "0"],
        ["rejected", "1"],
        ["bad_time", "1"],
    ]
    assert "4 rows read in" in result.stdout
    assert f"The rejected rows are in {path}.rejects.csv." in result.stdout
    assert not result.stderr
    again = run("bars", path, "--exchange", "US")
    assert "unchanged            3" in again.stdout


def test_symbols_actions_and_shares_are_imported_too(tmp_path: Path) -> None:
    """Each is a command."""
    symbols = write(tmp_path / "symbols.csv", "ticker,name", "A,Agilent")
    actions = write(tmp_path / "actions.csv", "ticker,date,kind,value", "A,2020-01-02,split,2")
    shares = write(tmp_path / "shares.csv", "ticker,date,shares", "A,2020-01-02,3e8")
    for command, path in (("symbols", symbols), ("actions", actions), ("shares", shares)):
        result = run(command, path, "--exchange", "US")
        assert result.exit_code == 0, result.output
        assert "inserted             1" in result.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--exchange", "US"], "no column for close"),
        (["--exchange", "U S"], "not an exchange's code"),
        (["--exchange", "US", "--resolution", "2d"], "the resolutions are"),
        (["--symbol", "BTCUSD"], "is not a symbol"),
        (["--rejects", "a.csv"], "no column for close"),
    ],
)
def test_what_can_not_be_done_is_said_in_a_sentence(
    tmp_path: Path, options: list[str], message: str
) -> None:
    """With exit code 2, and before anything is written."""
    path = write(tmp_path / "a.csv", "date,ticker,open,high,low", "2020-01-01,A,1,2,1")
    result = run("bars", path, *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "new.db").exists()


def test_a_missing_file_is_named_before_the_others_are_taken_in(tmp_path: Path) -> None:
    """So that a typing error costs nothing."""
    path = write(tmp_path / "a.csv", HEADER, *(f"{day(n)},A,1,2,1,2,3" for n in range(3)))
    result = run("bars", path, tmp_path / "b.csv", "--exchange", "US")
    assert result.exit_code == 2
    assert result.stderr == f"{tmp_path / 'b.csv'}: it can't be read: No such file or directory.\n"
    assert not result.stdout


def test_a_database_that_is_away_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With exit code 1."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    path = write(tmp_path / "a.csv", HEADER, *(f"{day(n)},A,1,2,1,2,3" for n in range(3)))
    result = run("bars", path, "--exchange", "US")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1


def test_without_a_place_next_to_a_file_its_rejects_go_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as for a file on a read-only disk."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    files = Path("/proc/self/fd")
    with write(tmp_path / "a.csv", HEADER, "x,A,1,2,1,2,3").open("rb") as file:
        name = str(file.fileno())
        result = run("bars", files / name, "--exchange", "US", "--resolution", "1d")
    assert result.exit_code == 0, result.output
    assert rejected(elsewhere / f"{name}.rejects.csv")


def test_a_terminal_sees_how_far_it_is(tmp_path: Path) -> None:
    """On standard error, so that the summary can be kept."""
    path = write(tmp_path / "a.csv", HEADER, *(f"{day(n)},A,1,2,1,2,3" for n in range(3)))
    terminal, end = os.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "tradeapi", "import", "bars", str(path), "--exchange", "US"],
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=end,
        text=True,
        check=True,
    )
    os.close(end)
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert "a.csv" in shown
    assert "100%" in shown
    assert done.stdout.startswith(f"{path}: 3 rows read")


def test_an_import_does_without_pandas_and_the_web_framework(tmp_path: Path) -> None:
    """They would take a third of its memory."""
    path = write(tmp_path / "a.csv.gz", HEADER, *(f"{day(n)},A,1,2,1,,3" for n in range(3)))
    code = """
import sys
from tradeapi.cli import cli
try:
    cli(["import", "bars", sys.argv[1], "--exchange", "US"])
finally:
    sys.exit(str({"pandas", "fastapi"} & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=False
    )
    assert done.stderr == "set()\n"
    assert "null_price" in done.stdout
