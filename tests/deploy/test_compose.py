"""docker-compose.yml: valid, closed, and in terms of what there is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy import compose, settings_given
from tests.deploy.commands import assert_runs
from tests.deploy.connections import OF_OTHERS, RESERVED, of_process
from tests.deploy.dockerfile import first, stages
from tradeapi.jobs import runner
from tradeapi.settings import Role

SERVICES = compose.services()
MARGIN_SECONDS = 10


def test_it_is_what_compose_understands() -> None:
    """By the schema of the Compose Specification."""
    checked = subprocess.run(
        [
            *(Path(sys.prefix, "bin", "check-jsonschema"), "--builtin-schema"),
            *("vendor.compose-spec", compose.FILE),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", compose.OURS)
def test_what_is_started_exists(name: str) -> None:
    """The command with its options, and every setting, whose values production accepts."""
    service = SERVICES[name]
    assert_runs([*first(stages()[""], "ENTRYPOINT").words, *service["command"]])
    settings = settings_given.loaded(service["environment"])
    assert service["environment"].keys() <= settings_given.names()
    assert settings.database_url.startswith("postgresql://tradeapi:0123456789abcdef@postgres/")
    assert settings.redis_url is not None


def test_every_role_is_played() -> None:
    """By one service each; the API's plays none."""
    played = [
        role
        for name in compose.OURS
        if "--roles" in SERVICES[name]["command"]
        for role in SERVICES[name]["command"][-1].split(",")
    ]
    assert sorted(played) == sorted(Role)
    assert SERVICES["api"]["environment"]["ROLES"] == ""


@pytest.mark.parametrize("name", compose.SECRETS)
def test_without_a_secret_nothing_starts(name: str) -> None:
    """None has a default, and none is in the file."""
    given = {other: value for other, value in compose.SECRETS.items() if other != name}
    with pytest.raises(KeyError):
        compose.read(given)
    written = re.sub(r"\$\{.*?\}", "", compose.FILE.read_text())
    assert re.findall(r"(?:SECRET_KEY|PASSWORD|AUTH): *(\S+)", written) == []


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_confined(name: str) -> None:
    """It writes to volumes and memory, has no rights of root's, and bounds."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["restart"] == ("on-failure" if name == "migrate" else "unless-stopped")
    assert service["deploy"]["resources"]["limits"].keys() == {"memory", "pids"}
    assert not re.search(r":(latest)?$", service["image"])
    assert ":" in service["image"]


@pytest.mark.parametrize("name", SERVICES)
def test_whoever_is_waited_for_says_when_it_is_there(name: str) -> None:
    """The database before the migration, and that before everything else of ours."""
    waits = SERVICES[name].get("depends_on", {})
    for other, wait in waits.items():
        ends = wait["condition"] == "service_completed_successfully"
        assert ends == (other == "migrate")
        assert ends or "healthcheck" in SERVICES[other]
    if name in compose.OURS:
        assert waits.keys() == (
            {"postgres"} if name == "migrate" else {"migrate", "postgres", "redis"}
        )


def test_what_is_mounted_exists() -> None:
    """Files in the project, read-only; and volumes that are declared."""
    declared = compose.read()["volumes"]
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source, _, *options = volume.split(":")
            if source.startswith("./"):
                name = source.removeprefix("./")
                assert (compose.ROOT / name).exists()
                assert options == ["ro"]
            else:
                assert source in declared


def test_backups_go_where_they_stay() -> None:
    """Into a volume, by whoever plays `jobs`."""
    worker = SERVICES["worker"]
    assert f"backups:{worker['environment']['BACKUP_LOCATION']}" in worker["volumes"]
    assert "jobs" in worker["command"]


def test_ports_are_open_to_this_machine_only() -> None:
    """And databases to nobody but the services."""
    ports = {name: service.get("ports", []) for name, service in SERVICES.items()}
    assert all(port.startswith("127.0.0.1:") for several in ports.values() for port in several)
    internal = {name for name, network in compose.read()["networks"].items() if network["internal"]}
    for name in ("postgres", "redis"):
        assert ports[name] == []
        assert {*SERVICES[name]["networks"]} <= internal


@pytest.mark.parametrize("name", ["api", "worker", "feed"])
def test_who_stops_has_the_time_to(name: str) -> None:
    """To drain, and to close what is left."""
    grace = int(SERVICES[name]["stop_grace_period"].removesuffix("s"))
    settings = settings_given.loaded(SERVICES[name]["environment"])
    needs = settings.drain_seconds if name == "api" else runner.GRACE_SECONDS
    assert grace >= needs + MARGIN_SECONDS


def test_postgres_has_connections_for_all() -> None:
    """While a backup is made as well."""
    most = int(SERVICES["postgres"]["command"][-1].removeprefix("max_connections="))
    processes = [SERVICES[name] for name in compose.OURS if name != "migrate"]
    together = sum(
        of_process(settings_given.loaded(one["environment"]), one["command"]) for one in processes
    )
    assert together + OF_OTHERS + RESERVED <= most
