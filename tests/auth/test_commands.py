"""`tradeapi user`: how operators make the first admin, and help people out."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.auth.people import CHEAP, PASSWORD, Person, serving, sql
from tests.shell.conftest import clean_environment
from tradeapi.cli import cli
from tradeapi.errors import TradeError

NEW = "another horse battery"
Run = Callable[..., Result]


@pytest.fixture
def user(sqlite_url: str) -> Run:
    """`user("create", "ada@example.com", password=PASSWORD)`."""
    cheap = {name.upper(): str(value) for name, value in CHEAP.items()}
    runner = CliRunner(env={"DATABASE_URL": sqlite_url, **cheap})
    return lambda *words, password="": runner.invoke(cli, ["user", *words], input=f"{password}\n")


def test_an_operator_makes_the_first_admin(user: Run, sqlite_url: str, tmp_path: Path) -> None:
    """Who can log in; the password is shown nowhere."""
    made = user("create", "Ada@example.com", "--admin", password=PASSWORD)
    assert (made.exit_code, made.stderr) == (0, "")
    assert made.stdout == "ada@example.com is new, with the role admin.\n"
    with serving(sqlite_url, tmp_path) as service:
        admin = Person(service.client, "ada@example.com")
        admin.log_in()
        entry = admin.get("/admin/audit?action=user.create")["items"][0]
        assert (entry["actor"], entry["agent"]) == (None, "tradeapi user")
        assert entry["target"] == admin.get("/auth/me")["id"]


@pytest.mark.parametrize(
    ("words", "password", "sentence"),
    [
        (("create", "ada@example.com"), PASSWORD, "There is an account for this address."),
        (("create", "ada"), PASSWORD, "This is not an e-mail address."),
        (("create", "bob@example.com"), "password1", "The password is one of those"),
        (("create", "bob@example.com"), "", "The password must have at least 8 characters."),
        (("promote", "bob@example.com"), "", "There is no such user."),
        (("disable", "ada@example.com"), "", "There would be no admin left."),
        (("grant", "ada@example.com", "root"), "", "There is no scope 'root'"),
        (("reset-password", "bob@example.com"), PASSWORD, "There is no such user."),
        (("reset-password", "ada@example.com"), "short", "The password must have at least"),
    ],
)
def test_what_can_not_be_done_is_said_in_a_sentence(
    user: Run, sqlite_url: str, words: tuple[str, ...], password: str, sentence: str
) -> None:
    """And nothing is changed."""
    insert = (
        "INSERT INTO users (id, email, password_hash, role, scopes, created_at) "
        "VALUES (:id, 'ada@example.com', 'x', 'admin', 'read', 0)"
    )
    sql(sqlite_url, insert, id="1" * 32)
    done = user(*words, password=password)
    assert isinstance(done.exception, TradeError)
    assert str(done.exception).startswith(sentence)
    assert done.stdout == ""


def test_a_shell_sees_that_it_went_wrong(sqlite_url: str, tmp_path: Path) -> None:
    """One line on stderr and a status, without a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "tradeapi", "user", "promote", "bob@example.com"],
        env=clean_environment(DATABASE_URL=sqlite_url),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "There is no such user.\n"


def test_operators_change_what_people_may_do(user: Run, sqlite_url: str, tmp_path: Path) -> None:
    """While the service runs; its clock is later, so that what they revoke is the past."""
    with serving(sqlite_url, tmp_path) as service:
        person, phone = service.person(), service.person()
        address = person.address
        assert user("promote", address).stdout == f"{address} is an admin.\n"
        person.log_in()
        assert person.get("/admin/users")["items"]
        assert user("grant", phone.address, "read", "ingest").exit_code == 0
        phone.log_in()
        assert phone.get("/auth/me")["scopes"] == ["read", "ingest"]
        assert user("disable", phone.address).stdout == f"{phone.address} is disabled.\n"
        assert phone.try_log_in().status_code == 401
        assert phone.try_refresh().status_code == 401
        assert user("enable", phone.address).stdout == f"{phone.address} is enabled.\n"
        phone.log_in()
        done = user("reset-password", address, password=NEW)
        assert done.stdout == f"{address} has a new password.\n"
        assert person.try_log_in().status_code == 401
        assert person.try_refresh().status_code == 401
        assert person.try_log_in(NEW).status_code == 200
        entry = "SELECT actor, outcome, agent FROM audit WHERE action = 'password.change'"
        assert [*map(tuple, sql(sqlite_url, entry))] == [(None, "done", "tradeapi user")]
