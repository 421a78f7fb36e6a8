"""Backups of both kinds of database, in both kinds of place: what is restored is what was there."""

import asyncio
import secrets
import sqlite3
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import asyncpg
import orjson
import pytest
from pyrage import x25519
from sqlalchemy import make_url

from tests.backup import files
from tests.backup.conftest import DeskOf
from tests.documents.examples import block
from tests.documents.shapes import parse_all
from tradeapi import migrations
from tradeapi.clock import SystemClock
from tradeapi.errors import NotFound, NotStarted
from tradeapi.ops.backup.engine import address, engine_of
from tradeapi.ops.backup.faults import Empty, Unreachable
from tradeapi.ops.backup.manifest import Contents, Manifest, encode
from tradeapi.ops.backup.place import Place


async def contents(url: str) -> Contents:
    return await engine_of(address(url)).contents(address(url))


@pytest.mark.parametrize("is_encrypted", [False, True])
async def test_what_is_restored_is_what_was_there(
    filled_url: str,
    location: str,
    desk_of: DeskOf,
    encrypted: dict[str, object],
    is_encrypted: bool,
) -> None:
    """Every row of every table, proven by the backup itself."""
    options = encrypted if is_encrypted else {}
    desk = desk_of(filled_url, backup_location=location, **options)
    was = await contents(filled_url)
    manifest = await desk.create()
    assert manifest.contents == was
    assert manifest.contents.tables["users"].rows == 1
    assert [entry.id for entry in await desk.entries()] == [manifest.id]
    assert (await desk.verify("latest")).manifest == manifest
    stored = Place(location).read(manifest.file.name)
    assert len(stored) == manifest.file.bytes
    assert stored.startswith(b"age-encryption.org/v1") == is_encrypted
    assert (manifest.file.encryption == "age") == is_encrypted


async def test_a_backup_under_writes_is_of_one_instant(
    filled_postgres: str, desk_of: DeskOf
) -> None:
    """What is counted is what is dumped, whatever is written meanwhile."""
    desk = desk_of(filled_postgres)
    connection = await asyncpg.connect(filled_postgres.replace("+asyncpg", ""))
    await connection.execute("CREATE TABLE busy (id bigserial, text text, price float8)")
    written = 0

    async def write() -> None:
        nonlocal written
        while True:
            await connection.execute(
                "INSERT INTO busy (text, price) SELECT repeat('x', 100), random() "
                "FROM generate_series(1, 100)"
            )
            written += 100

    writer = asyncio.create_task(write())
    manifests = [await desk.create() for _ in range(3)]
    writer.cancel()
    await asyncio.wait({writer})
    connection.terminate()
    rows = [manifest.contents.tables["busy"].rows for manifest in manifests]
    assert rows == sorted(rows)
    assert written >= rows[-1] > rows[0]
    for manifest in manifests:
        await desk.verify(manifest.id)


async def test_settings_of_servers_make_no_difference(
    filled_postgres: str, desk_of: DeskOf
) -> None:
    """A role that sees time, floats and bytes otherwise counts the same."""
    connection = await asyncpg.connect(filled_postgres.replace("+asyncpg", ""))
    await connection.execute(
        "CREATE TABLE odd (a timestamptz, b float8, c bytea, d interval, e text, "
        "tradeapi_row_ int, f date)"
    )
    await connection.execute(
        "INSERT INTO odd VALUES (now(), 1/3::float8, '\\x00ff', '1 month', 'é', 1, now())"
    )
    desk = desk_of(filled_postgres)
    manifest = await desk.create()
    name = make_url(filled_postgres).database
    for setting in (
        "TimeZone = 'Asia/Tokyo'",
        "DateStyle = 'German'",
        "extra_float_digits = 0",
        "bytea_output = 'escape'",
        "IntervalStyle = 'iso_8601'",
    ):
        await connection.execute(f'ALTER DATABASE "{name}" SET {setting}')
    await connection.close()
    again = await desk.create()
    assert again.contents.tables["odd"] == manifest.contents.tables["odd"]
    await desk.verify(again.id)


async def test_a_manifest_has_no_secret(
    filled_postgres: str, desk_of: DeskOf, encrypted: dict[str, object]
) -> None:
    """It may be read by whoever may see that there are backups."""
    manifest = encode(await desk_of(filled_postgres, **encrypted).create()).decode()
    url = make_url(filled_postgres)
    for secret in (str(url.password), str(url.host), str(encrypted["backup_identity"])):
        assert secret not in manifest
    assert "größe" not in manifest
    assert orjson.loads(manifest)["file"]["recipients"] == list(encrypted["backup_recipients"])  # type: ignore[call-overload]


def test_the_manifest_that_is_shown_is_one() -> None:
    """It has the fields of a real one."""
    (shown,) = parse_all(block("docs/backup.md", "json", '"format": 1').text)
    assert shown.pop("sha256")
    manifest = Manifest.model_validate(shown)
    assert manifest.model_dump(mode="json") == shown


async def test_who_makes_backups_need_not_be_able_to_read_them(
    sqlite_url: str, desk_of: DeskOf, encrypted: dict[str, object]
) -> None:
    """Without the secret key, or with another one, it is said what is missing."""
    recipients = encrypted["backup_recipients"]
    desk = desk_of(sqlite_url, backup_recipients=recipients)
    manifest = await desk.create()
    with pytest.raises(NotStarted, match="BACKUP_IDENTITY: this backup is encrypted"):
        await desk.verify(manifest.id)
    other = desk_of(sqlite_url, backup_identity=str(x25519.Identity.generate()))
    with pytest.raises(NotStarted, match="has no key to this backup"):
        await other.verify(manifest.id)


async def test_the_key_may_be_in_a_file(
    sqlite_url: str, desk_of: DeskOf, encrypted: dict[str, object], tmp_path: Path
) -> None:
    """As age-keygen writes it."""
    manifest = await desk_of(sqlite_url, **encrypted).create()
    file = tmp_path / "key.txt"
    file.write_text(f"# created: today\n# public key: age1\n{encrypted['backup_identity']}\n")
    await desk_of(sqlite_url, backup_identity=str(file)).verify(manifest.id)
    file.write_text("nothing\n")
    with pytest.raises(NotStarted, match="no line that begins with"):
        await desk_of(sqlite_url, backup_identity=str(file)).verify(manifest.id)
    with pytest.raises(NotStarted, match="No such file"):
        await desk_of(sqlite_url, backup_identity="nowhere").verify(manifest.id)


def test_keys_that_are_none_are_refused(sqlite_url: str, desk_of: DeskOf) -> None:
    """Before anything is written."""
    with pytest.raises(NotStarted, match="BACKUP_RECIPIENTS: age1typo is no public key"):
        desk_of(sqlite_url, backup_recipients=("age1typo",))


async def test_what_is_not_there_is_said(location: str, sqlite_url: str, desk_of: DeskOf) -> None:
    """An empty place, an unknown backup."""
    desk = desk_of(sqlite_url, backup_location=location)
    assert await desk.entries() == []
    with pytest.raises(NotFound, match="There is no backup at"):
        await desk.verify("latest")
    with pytest.raises(NotFound, match="There is no backup 2020"):
        await desk.verify("2020")


async def test_a_database_that_is_not_there_is_not_made(desk_of: DeskOf, tmp_path: Path) -> None:
    """By looking for it."""
    with pytest.raises(NotFound, match="There is no database"):
        await desk_of(f"sqlite:///{tmp_path}/typo.db").create()
    assert files.names(tmp_path, "typo.db") == []


async def test_a_bucket_that_is_not_there_is_named(
    s3: str, sqlite_url: str, desk_of: DeskOf
) -> None:
    """And nothing of the request that failed."""
    assert s3
    with pytest.raises(NotFound, match=r"s3://nowhere/at/all: .*NoSuchBucket") as error:
        await desk_of(sqlite_url, backup_location="s3://nowhere/at/all").create()
    assert "\n" not in str(error.value)


async def test_a_folder_that_can_not_be_is_named(
    sqlite_url: str, desk_of: DeskOf, tmp_path: Path
) -> None:
    """There is a file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(Unreachable, match="file/backups"):
        await desk_of(sqlite_url, backup_location=str(tmp_path / "file" / "backups")).create()


async def test_a_database_that_is_away_is_named_without_its_password(desk_of: DeskOf) -> None:
    """Nothing listens there."""
    desk = desk_of("postgresql://me:hushhush@127.0.0.1:1/x")
    with pytest.raises(Unreachable, match="does not answer") as error:
        await desk.create()
    assert "hushhush" not in str(error.value)


async def test_large_backups_are_sent_in_parts(s3: str, sqlite_url: str, desk_of: DeskOf) -> None:
    """What does not compress, and is larger than a part."""
    with closing(sqlite3.connect(str(make_url(sqlite_url).database))) as connection:
        connection.execute("CREATE TABLE noise (data BLOB)")
        for _ in range(20):
            connection.execute("INSERT INTO noise VALUES (?)", (secrets.token_bytes(1_000_000),))
        connection.commit()
    desk = desk_of(sqlite_url, backup_location=s3)
    manifest = await desk.create()
    assert manifest.file.bytes > 20_000_000
    await desk.verify(manifest.id)
    assert SystemClock().now() - manifest.created_at < 600


class _Refusing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """As S3 does: with the request as it has understood it."""
        token = self.headers["x-amz-security-token"]
        answer = (
            "<?xml version='1.0'?>\n<Error><Code>SignatureDoesNotMatch</Code>"
            "<Message>The signature is another.</Message><CanonicalRequest>GET\n"
            f"x-amz-security-token:{token}</CanonicalRequest></Error>"
        ).encode()
        self.send_response(403)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def test_what_s3_says_is_told_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither those of the address, nor those of the request that it repeats."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "hush-hush")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        Thread(target=server.serve_forever).start()
        url = f"http://me:hush-hush@127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(Unreachable) as refused:
            Place("s3://somewhere").files()
        server.shutdown()
    assert str(refused.value).endswith("SignatureDoesNotMatch The signature is another.")
    assert "hush" not in str(refused.value)


def test_an_address_of_s3_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of what the library does with it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "minio:9000")
    with pytest.raises(NotStarted, match="AWS_ENDPOINT_URL: is no address"):
        Place("s3://somewhere").files()


async def test_a_database_that_nothing_has_migrated_is_refused(
    database_url: str, desk_of: DeskOf
) -> None:
    """Its backup would restore, and push out those of the right one."""
    await asyncio.to_thread(migrations.downgrade, database_url, "base")
    desk = desk_of(database_url)
    with pytest.raises(Empty, match="is it the right one"):
        await desk.create()
    assert await desk.entries() == []


def test_a_place_of_another_kind_is_refused(sqlite_url: str, desk_of: DeskOf) -> None:
    """It would be a folder of that name."""
    with pytest.raises(ValueError, match="must be a folder, or s3://BUCKET/PREFIX"):
        desk_of(sqlite_url, backup_location="S3://bucket/prefix")
