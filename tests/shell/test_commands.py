"""What commands say when the database is not there, or not what it should be."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.servers.processes import free_port
from tests.shell.conftest import clean_environment

COMMANDS = (["migrate"], ["jobs"], ["index", "show"], ["user", "create", "ada@example.com"])


def run(url: str, folder: Path, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tradeapi", *command],
        env=clean_environment(DATABASE_URL=url),
        cwd=folder,
        input="three-small-green-frogs\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_database_that_is_away_is_a_sentence(tmp_path: Path, command: Sequence[str]) -> None:
    """Without a traceback, and without the password."""
    url = f"postgresql://ada:secret-word@127.0.0.1:{free_port()}/tradeapi"
    done = run(url, tmp_path, command)
    assert done.returncode == 1
    assert done.stderr.startswith("The database can not be reached. (")
    assert "Traceback" not in done.stdout + done.stderr
    assert "secret-word" not in done.stdout + done.stderr


def test_a_database_that_does_not_exist_is_named(postgres_url: str, tmp_path: Path) -> None:
    """By the server's own words."""
    url = f"{postgres_url.replace('+asyncpg', '').rpartition('/')[0]}/nowhere"
    done = run(url, tmp_path, ["jobs"])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == 'DATABASE_URL: database "nowhere" does not exist\n'


@pytest.mark.parametrize("command", COMMANDS[1:], ids=" ".join)
def test_who_has_not_migrated_is_told_to(tmp_path: Path, command: Sequence[str]) -> None:
    """As in the wrong folder, where there is another database, or none."""
    done = run("sqlite:///here.db", tmp_path, command)
    assert done.returncode == 1
    said = "The database lacks what this version needs: run `tradeapi migrate`.\n"
    assert done.stderr.endswith(said)
    assert "Traceback" not in done.stderr
