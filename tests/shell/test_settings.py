"""The settings."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from tradeapi.cli.environment import example
from tradeapi.settings import Environment, Role, Settings, SettingsError, load

ROOT = Path(__file__).parents[2]
SAFE = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "0123456789abcdef0123456789abcdef",
    "DATABASE_URL": "postgresql://tradeapi:secret@db/tradeapi",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment without settings, in a folder without .env."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


@pytest.mark.usefixtures("environment")
def test_it_runs_without_any() -> None:
    """Development needs no settings, has the demo market and does not drain."""
    settings = load()
    assert settings.environment is Environment.DEVELOPMENT
    assert settings.demo
    assert settings.drain_seconds == 0


def test_production_with_everything_right(environment: pytest.MonkeyPatch) -> None:
    """Three variables suffice; the demo market is off and sockets are drained."""
    for name, value in SAFE.items():
        environment.setenv(name, value)
    settings = load()
    assert not settings.demo
    assert settings.drain_seconds == 25


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "development-only-secret-change-me-before-you-deploy"),
        ("DATABASE_URL", "sqlite:///here.db"),
        ("DATABASE_URL", ""),
        ("DEBUG", "true"),
        ("DEMO", "true"),
        ("OUTGOING_TO_LOOPBACK", "true"),
        ("AUTH_REQUIRED", "false"),
        ("CORS_ORIGINS", "https://charts.example.com, *"),
    ],
)
def test_production_refuses(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Each unsafe variable is named, and no other."""
    for key, text in {**SAFE, name: value}.items():
        environment.setenv(key, text)
    with pytest.raises(SettingsError, match=rf"(?m)^  {name}: ") as refusal:
        load()
    assert len(str(refusal.value).splitlines()) == 2


@pytest.mark.parametrize("name", ["AUTH_REQUIRED", "ENABLE_AUTH"])
def test_only_development_is_open(environment: pytest.MonkeyPatch, name: str) -> None:
    """By either name; staging is no development."""
    environment.setenv(name, "false")
    assert not load().auth_required
    environment.setenv("ENVIRONMENT", "staging")
    with pytest.raises(SettingsError, match="only development may be open"):
        load()


def test_all_faults_are_in_one_message(environment: pytest.MonkeyPatch) -> None:
    """Also those that are no question of the environment; no value is repeated."""
    variables = {
        "ENVIRONMENT": "production",
        "SECRET_KEY": "hunter2",
        "PORT": "http",
        "DEMO": "yes",
        "CORS_ORIGINS": "*",
        "LOG_LEVEL": "loud",
    }
    for name, value in variables.items():
        environment.setenv(name, value)
    with pytest.raises(SettingsError) as refusal:
        load()
    message = str(refusal.value)
    named = re.findall(r"^  ([A-Z_]+):", message, re.MULTILINE)
    assert sorted(named) == sorted([*variables.keys() - {"ENVIRONMENT"}, "DATABASE_URL"])
    assert "hunter2" not in message


def test_a_dotenv_file_is_read(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And the environment wins over it."""
    (tmp_path / ".env").write_text("PORT=1\nHOST=0.0.0.0\nOTHER=1\n")
    environment.setenv("PORT", "2")
    settings = load()
    assert (settings.host, settings.port) == ("0.0.0.0", 2)  # noqa: S104


def test_lists_are_separated_by_commas() -> None:
    """As one writes them in a shell; a slash at the end is no part of an origin."""
    settings = Settings.model_validate({"cors_origins": "https://a.example/, https://b.example"})
    assert settings.cors_origins == ("https://a.example", "https://b.example")


def test_no_role_is_something_to_say(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of all other settings an empty one is as good as none, in .env as well."""
    assert load().roles == tuple(Role)
    environment.setenv("ROLES", "")
    environment.setenv("PORT", "")
    assert (load().roles, load().port) == ((), 8000)
    environment.delenv("ROLES")
    (tmp_path / ".env").write_text("ROLES=\nHOST=\n")
    assert (load().roles, load().host) == ((), "127.0.0.1")
    environment.setenv("ROLES", "jobs")
    assert load().roles == (Role.JOBS,)
    environment.setenv("ROLES", "jobs, sweeping")
    with pytest.raises(SettingsError, match="ROLES"):
        load()


def test_the_short_name_of_postgresql_is_understood() -> None:
    """Hosting providers hand it out."""
    settings = Settings(database_url="postgres://a:b@c/postgres://")
    assert settings.database_url == "postgresql://a:b@c/postgres://"


@pytest.mark.parametrize("name", ["DATABASE_REPLICA_URL", "BACKUP_SCRATCH_URL"])
def test_a_second_server_is_of_postgresql(environment: pytest.MonkeyPatch, name: str) -> None:
    """As the first one is."""
    environment.setenv(name, SAFE["DATABASE_URL"])
    with pytest.raises(SettingsError, match=f"{name}: is PostgreSQL, and"):
        load()
    environment.setenv("DATABASE_URL", SAFE["DATABASE_URL"])
    assert isinstance(getattr(load(), name.lower()), SecretStr)
    environment.setenv(name, "sqlite:///here.db")
    with pytest.raises(SettingsError, match=f"{name}: must begin with postgresql://"):
        load()


def test_secrets_are_not_shown() -> None:
    """Whoever logs the settings logs no secret."""
    urls = {"database_url": SAFE["DATABASE_URL"], "database_replica_url": SAFE["DATABASE_URL"]}
    shown = repr(Settings.model_validate({"secret_key": "s" * 40, **urls}))
    assert "ssss" not in shown
    assert "secret@" not in shown


def test_they_are_frozen() -> None:
    """Nothing changes them while we run."""
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1


def test_the_example_lists_them_all() -> None:
    """`.env.example` is what `tradeapi settings` prints; run it again after a change."""
    assert (ROOT / ".env.example").read_text() == example()


def test_the_example_is_a_dotenv_file_of_the_defaults(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Uncommented as a whole it changes nothing."""
    default = load()
    lines = [
        line.removeprefix("# ")
        for line in example().splitlines()
        if re.match("# [A-Z0-9_]+=", line)
    ]
    assert len(lines) == len(Settings.model_fields)
    (tmp_path / ".env").write_text("\n".join(lines))
    environment.chdir(tmp_path)
    assert load() == default


@pytest.mark.parametrize("name", Settings.model_fields)
def test_somebody_reads_each(name: str) -> None:
    """A setting that nothing reads would lie."""
    sources = [
        path.read_text()
        for path in (ROOT / "src").rglob("*.py")
        if path.name not in {"settings.py", "environment.py"}
    ]
    assert any(re.search(rf"settings\.{name}\b", source) for source in sources)
