"""Databases with something in them, and both kinds of place to keep backups in."""

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from pyrage import x25519
from sqlalchemy import make_url
from typer.testing import CliRunner

from tests.market.imports import HEADER, day, write
from tests.servers.databases import PostgresDatabases, SqliteDatabases
from tests.servers.programs import POSTGRES, find
from tradeapi.cli import cli
from tradeapi.ops.backup.desk import Desk
from tradeapi.settings import Settings

BUCKET = "backups"
DeskOf = Callable[..., Desk]


@pytest.fixture(scope="session", autouse=True)
def postgres_programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """pg_dump and pg_restore lie beside the server that the tests have."""
    with pytest.MonkeyPatch.context() as patch:
        if "TEST_DATABASE_URL" not in os.environ:
            server = find(POSTGRES, tmp_path_factory.mktemp("programs")).resolve()
            patch.setenv("PATH", f"{server.parent}{os.pathsep}{os.environ['PATH']}")
        yield


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """What speaks like S3, on this machine, with a bucket."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415  it takes its time

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    with urlopen(Request(f"{url}/{BUCKET}", method="PUT")):  # noqa: S310  ours
        yield url
    server.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A place in the bucket that is this test's own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tests")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    return f"s3://{BUCKET}/{tmp_path.name}"


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "backups")


@pytest.fixture(params=["folder", "s3"])
def location(request: pytest.FixtureRequest) -> str:
    """Where backups are kept; the test runs with a folder and with S3."""
    place: str = request.getfixturevalue(request.param)
    return place


@pytest.fixture(scope="session")
def identity() -> str:
    return str(x25519.Identity.generate())


@pytest.fixture(scope="session")
def filled_server(
    postgres_databases: PostgresDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """What `filled_postgres` is cloned from."""
    url = postgres_databases.clone()
    fill(url, tmp_path_factory.mktemp("filled"))
    yield url
    postgres_databases.drop(url)


@pytest.fixture(scope="session")
def filled_file(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What `filled_sqlite` is copied from."""
    folder = tmp_path_factory.mktemp("filled")
    url = sqlite_databases.copy(folder)
    fill(url, folder)
    return Path(str(make_url(url).database))


@pytest.fixture
def filled_postgres(postgres_databases: PostgresDatabases, filled_server: str) -> Iterator[str]:
    url = postgres_databases.copy(filled_server)
    yield url
    postgres_databases.drop(url)


@pytest.fixture
def filled_sqlite(filled_file: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(filled_file, tmp_path)}"


@pytest.fixture(params=["sqlite", "postgres"])
def filled_url(request: pytest.FixtureRequest) -> str:
    """A database with bars in blocks and in rows, and with a user; of both kinds."""
    url: str = request.getfixturevalue(f"filled_{request.param}")
    return url


@pytest.fixture
def desk_of(folder: str) -> DeskOf:
    """What does the work on a database: `desk_of(url, backup_keep_daily=1)`."""

    def desk(url: str, **settings: object) -> Desk:
        chosen = {"database_url": url, "backup_location": folder, **settings}
        return Desk(Settings.model_validate(chosen))

    return desk


@pytest.fixture
def encrypted(identity: str) -> dict[str, object]:
    """The settings of those who encrypt."""
    public = str(x25519.Identity.from_str(identity).to_public())
    return {"backup_recipients": (public,), "backup_identity": identity}


def fill(url: str, folder: Path) -> None:
    path = write(folder / "bars.csv", HEADER, *(f"{day(n)},A,1,2.5,0.1,2,3" for n in range(400)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", url)
        for words, said in (
            (["import", "bars", str(path), "--exchange", "US"], None),
            (["user", "create", "größe@example.com"], "a-sentence-that-nobody-guesses\n"),
        ):
            done = CliRunner().invoke(cli, words, input=said)
            assert done.exit_code == 0, done.output
