"""Fresh databases, cloned from one that was migrated once."""

import asyncio
import secrets
import shutil
from pathlib import Path
from typing import Self

import asyncpg
from sqlalchemy import make_url

from tradeapi.migrations import upgrade


class PostgresDatabases:
    """Databases on one server; they begin migrated and empty, and leave nothing behind."""

    def __init__(self, server: str) -> None:
        self._server = make_url(server).set(drivername="postgresql")
        self._template = f"tradeapi_test_{secrets.token_hex(4)}"
        self._count = 0
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        self._connection = self._runner.run(asyncpg.connect(self._url(self._server.database)))
        self._execute(f'CREATE DATABASE "{self._template}"')
        upgrade(self._url(self._template))
        return self

    def __exit__(self, *_: object) -> None:
        self.drop(self._url(self._template))
        self._runner.run(self._connection.close())
        self._runner.close()

    def clone(self) -> str:
        return self.copy(self._url(self._template))

    def copy(self, url: str) -> str:
        """Of a database that nobody is connected to."""
        self._count += 1
        name = f"{self._template}_{self._count}"
        template = make_url(url).database
        # Block by block, as is the default, it is twice the work.
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return self._url(name)

    def drop(self, url: str) -> None:
        self._execute(f'DROP DATABASE "{make_url(url).database}" WITH (FORCE)')

    def _execute(self, sql: str) -> None:
        self._runner.run(self._connection.execute(sql))

    def _url(self, database: str | None) -> str:
        return self._server.set(database=database).render_as_string(hide_password=False)


class SqliteDatabases:
    """Database files in one folder, copied from one that was migrated once."""

    def __init__(self, folder: Path) -> None:
        self._template = folder / "template.db"
        upgrade(f"sqlite:///{self._template}")

    def copy(self, folder: Path) -> str:
        return f"sqlite:///{shutil.copy(self._template, folder / 'tradeapi.db')}"
