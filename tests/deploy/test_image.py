"""The image: what its Dockerfile says, and what comes of it, without Docker."""

import re
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree

import pytest
from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from tests.deploy import compose, dockerfile, kustomize
from tests.deploy.commands import assert_runs
from tests.deploy.containers import WRITABLE, Image, build
from tests.deploy.dockerfile import ROOT, first, instructions, is_ignored, stages
from tests.processes.waiting import eventually
from tests.servers.programs import find_uv
from tradeapi import __version__

BASE = "python:3.13-slim-trixie"
# As it has them, on both machines that it is made for.
PYTHON = (3, 13)
GLIBC = 41
MACHINES = ("x86_64", "aarch64")
# It has no wheel, and is Python alone: uv makes one without a compiler.
WITHOUT_A_WHEEL = {"http-ece"}
PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "a secret of thirty-two bytes or more",
    "HOST": "127.0.0.1",
    "DRAIN_SECONDS": "0",
    "PGSSLMODE": "disable",
}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """It is large, and not kept."""
    folder = tmp_path_factory.mktemp("image")
    yield build(folder)
    rmtree(folder)


def test_hadolint_finds_nothing() -> None:
    """But what the Dockerfile itself says why of."""
    checked = subprocess.run(
        [Path(sys.prefix, "bin", "hadolint"), dockerfile.FILE],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (checked.returncode, checked.stdout) == (0, "")


def test_what_is_copied_is_there_and_sent() -> None:
    """Everything that is needed goes to the builder, and nothing else: no .env, no .git."""
    copied = {
        name
        for one in instructions()
        if one.name == "COPY" and "from" not in one.flags
        for name in one.words[:-1]
    }
    assert {path.name for path in ROOT.iterdir() if not is_ignored(path.name)} == copied
    assert is_ignored("src/tradeapi/__pycache__/settings.pyc")
    assert not is_ignored("src/tradeapi/settings.py")


def test_stages_copy_from_stages() -> None:
    """Under the names that they have."""
    named = {one.flags["from"] for one in instructions() if "from" in one.flags}
    assert named <= stages().keys()


@pytest.mark.parametrize("machine", MACHINES)
def test_everything_locked_installs_without_a_compiler(machine: str) -> None:
    """There is a wheel for the image's Python and C library."""
    assert first(stages()["before"], "ARG").pairs["PYTHON_IMAGE"].startswith(BASE)
    fitting = {*_tags(machine)}
    missing = {
        name
        for name, wheels in _locked(machine)
        if not any(fitting & parse_wheel_filename(wheel)[3] for wheel in wheels)
    }
    assert missing == WITHOUT_A_WHEEL


def test_it_says_which_version_it_is() -> None:
    """By default the one that it is built from; and every label of a build can be given."""
    given: dict[str, str] = {}
    for one in stages()[""]:
        given |= one.pairs if one.name == "ARG" else {}
    assert given["VERSION"] == __version__
    labels = first(stages()[""], "LABEL").pairs
    for name in ("version", "revision", "created"):
        assert name.upper() in given
        assert labels[f"org.opencontainers.image.{name}"] == f"${name.upper()}"
    assert labels["org.opencontainers.image.title"] == "tradeapi"


def test_its_command_is_one() -> None:
    """Without a shell, so that signals arrive."""
    final = stages()[""]
    (program,) = first(final, "ENTRYPOINT").words
    assert_runs([program, *first(final, "CMD").words])
    for name in ("ENTRYPOINT", "CMD"):
        assert first(final, name).text.startswith("[")


def test_every_user_is_the_same() -> None:
    """Whom the image runs as owns its folders, and is whom Kubernetes asks for."""
    user, group = first(stages()[""], "USER").text.split(":")
    run = " ".join(one.text for one in stages()[""] if one.name == "RUN")
    assert re.findall(r"--(?:uid|owner)[ =](\d+)", run) == [user, user]
    assert re.findall(r"groupadd --gid (\d+)", run) == [group]
    for pod in kustomize.pods(kustomize.raw()):
        context = pod.spec["securityContext"]
        assert (context["runAsUser"], context["runAsGroup"]) == (int(user), int(group))


def test_it_runs_with_everything_read_only(
    image: Image, postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    """What compose and Kubernetes start, in production and as process 1, leaves nothing behind."""
    stores = {"DATABASE_URL": postgres_url.replace("+asyncpg", ""), "REDIS_URL": redis_url}
    image.run([*image.entrypoint, "migrate"], PRODUCTION | stores)
    with ExitStack() as stack:
        running = []
        for name in ("api", "worker", "feed"):
            service = compose.services()[name]
            variables = PRODUCTION | stores | _ports()
            variables["ROLES"] = service["environment"].get("ROLES", "jobs")
            container = image.container(tmp_path / name, service["command"], variables)
            running.append(stack.enter_context(container))
        for one in running:
            eventually(one.is_healthy)
        assert [one.stop() for one in running] == [0, 0, 0], running[0].log.read_text()
        assert not running[0].is_healthy()
    backups = PRODUCTION | stores | {"BACKUP_LOCATION": "/backups"}
    for command in ("create", "drill"):
        image.run([*image.entrypoint, "backup", command], backups)
    written = {place: [*image.writable(place).iterdir()] for place in WRITABLE}
    assert written.pop("/backups")
    assert [path for paths in written.values() for path in paths] == []


def _tags(machine: str) -> Iterator[Tag]:
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC, 4, -1)]
    platforms += [f"manylinux2014_{machine}", f"linux_{machine}"]
    yield from cpython_tags(PYTHON, platforms=platforms)
    yield from compatible_tags(PYTHON, f"cp{PYTHON[0]}{PYTHON[1]}", platforms)


def _locked(machine: str) -> Iterator[tuple[str, list[str]]]:
    """What the builder installs, with the wheels that the lock file knows of."""
    export = ["export", "--frozen", "--no-dev", "--no-hashes", "--no-emit-project", "--quiet"]
    exported = subprocess.run(
        [str(find_uv()), *export, "--no-annotate"],
        check=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
    ).stdout
    environment = {
        "python_version": "3.13",
        "python_full_version": "3.13.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "platform_machine": machine,
        "platform_system": "Linux",
        "sys_platform": "linux",
        "os_name": "posix",
    }
    wheels = {
        package["name"]: [Path(wheel["url"]).name for wheel in package.get("wheels", ())]
        for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    }
    for line in exported.splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate(environment):
                yield requirement.name, wheels[requirement.name]


def _ports() -> dict[str, str]:
    """Two that are free."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        ports = [str(one.getsockname()[1]) for one in sockets]
    return dict(zip(("PORT", "METRICS_PORT"), ports, strict=True))
