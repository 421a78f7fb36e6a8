"""The database's schema, brought to the state this code needs.

Everything here blocks; a coroutine calls it in a thread. Two processes that start at once are
safe: the second waits until the first has migrated and then finds nothing to do.
"""

from functools import lru_cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory


def upgrade(url: str, revision: str = "head") -> None:
    command.upgrade(_config(url), revision)


def downgrade(url: str, revision: str) -> None:
    """`revision` is the one to return to; "base" empties the database."""
    command.downgrade(_config(url), revision)


def head() -> str | None:
    """The revision that this code needs."""
    return _revisions()[0]


def is_missing(current: str | None) -> bool:
    """Whether a database at `current` lacks something; one that is newer than we are does not."""
    newest, known = _revisions()
    return current != newest and (current is None or current in known)


def is_known(revision: str) -> bool:
    """Whether this code has it, so that it can bring a database from there to what it needs."""
    return revision in _revisions()[1]


@lru_cache
def _revisions() -> tuple[str | None, frozenset[str]]:
    """The newest revision, and all that lead to it."""
    scripts = ScriptDirectory.from_config(_config(""))
    return scripts.get_current_head(), frozenset(
        script.revision for script in scripts.walk_revisions()
    )


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_scripts()))
    config.attributes["url"] = url
    return config


def _scripts() -> Path:
    """Beside this module when installed from a wheel, in the project's root when not."""
    package = Path(__file__).parent
    installed = package / "alembic"
    return installed if installed.exists() else package.parents[1] / "alembic"
