"""pg_dump and pg_restore: the newest of this machine, which must not be older than the server."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from sqlalchemy.engine import URL

from tradeapi.errors import NotStarted

FOLDERS = "usr/lib/postgresql/*/bin"
# Of the URL's options those that libpq reads from the environment.
VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "passfile": "PGPASSFILE",
}


def program(name: str, server: int) -> Path:
    """One for a server of that major version; raises NotStarted."""
    found = {path: _major(path) for path in _candidates(name)}
    best = max(found, key=found.__getitem__, default=None)
    if best is None or found[best] < server:
        there = "there is none" if best is None else f"{best} is of version {found[best]}"
        raise NotStarted(
            f"The server is PostgreSQL {server}, and needs {name} {server} or newer: {there}. "
            f"Install it (apt-get install postgresql-client-{server})."
        )
    return best


def environment(url: URL) -> Mapping[str, str]:
    """How to reach a database: not on a command line, where every user of the machine sees it."""
    parts = {
        "PGHOST": url.host,
        "PGPORT": str(url.port) if url.port else None,
        "PGUSER": url.username,
        "PGPASSWORD": str(url.password) if url.password else None,
        "PGDATABASE": url.database,
    }
    options = {
        VARIABLES[name]: str(value) for name, value in url.query.items() if name in VARIABLES
    }
    return {
        **os.environ,
        "PGCONNECT_TIMEOUT": "10",
        "PGAPPNAME": "tradeapi backup",
        **{name: value for name, value in parts.items() if value},
        **options,
    }


def _candidates(name: str) -> Iterator[Path]:
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    for folder in [*folders, *Path("/").glob(FOLDERS)]:
        if os.access(folder / name, os.X_OK):
            yield folder / name


def _major(path: Path) -> int:
    """0 where it does not run."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r"\d+", said.stdout)
    return int(found[0]) if found else 0
