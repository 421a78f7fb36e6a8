"""The image without Docker: built as the Dockerfile says, and run by bubblewrap.

A container sees the programs and libraries of this machine where the image has those of its base,
what the Dockerfile adds where the Dockerfile puts it, and may write to /tmp and /backups only. Its
program is process 1, and reaches this machine's loopback.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.deploy.dockerfile import ROOT, Instruction, first, is_ignored, stages
from tests.servers.programs import AUTHORITIES, BUBBLEWRAP, POSTGRES, Missing, find, find_uv

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
WRITABLE = ("/tmp", "/backups")  # noqa: S108
BUILT = "/opt/tradeapi"
# They are no settings of the service's, and the builder may need them to reach PyPI.
OF_THE_MACHINE = r"(UV|PIP|SSL)_.*|(?i:(https?|no)_proxy)"


@dataclass(frozen=True, slots=True)
class Container:
    """`process` is bubblewrap's own."""

    process: subprocess.Popen[str]
    log: Path
    image: "Image"
    environment: Mapping[str, str]

    def stop(self) -> int:
        """As `docker stop` does: SIGTERM to process 1."""
        (first_process,) = psutil.Process(self.process.pid).children()
        first_process.terminate()
        return self.process.wait(60)

    def is_healthy(self) -> bool:
        """What HEALTHCHECK says, run beside it."""
        check = self.image.healthcheck
        return self.image.run(check, self.environment, check=False).returncode == 0


@dataclass(frozen=True, slots=True)
class Image:
    """`folder` has what the builder made, and the writable folders of the containers."""

    folder: Path
    stage: Sequence[Instruction]

    @property
    def healthcheck(self) -> Sequence[str]:
        text = first(self.stage, "HEALTHCHECK").text.removeprefix("CMD ")
        return Instruction("CMD", {}, text).words

    @property
    def entrypoint(self) -> Sequence[str]:
        return first(self.stage, "ENTRYPOINT").words

    def writable(self, place: str) -> Path:
        return self.folder / f"writable{place}"

    def command(self, command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
        user = first(self.stage, "USER").text.split(":")
        workdir = first(self.stage, "WORKDIR").text
        variables = {**first(self.stage, "ENV").pairs, **environment}
        # Its programs are in a folder of theirs, here as in the image.
        postgresql = find(POSTGRES, self.folder).parents[1]
        variables["PATH"] = variables["PATH"].replace("$PATH", f"{PATH}:{postgresql}/bin")
        writable = [
            option for place in WRITABLE for option in ("--bind", str(self.writable(place)), place)
        ]
        return [
            *_bubblewrap(*user),
            *("--ro-bind", f"{self.folder}{BUILT}", BUILT),
            *("--ro-bind", str(postgresql), str(postgresql)),
            *writable,
            *("--dir", workdir, "--remount-ro", "/", "--chdir", workdir),
            *_variables(variables),
            *command,
        ]

    def run(
        self, command: Sequence[str], environment: Mapping[str, str], *, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """A command beside the entrypoint, until it ends."""
        return subprocess.run(
            self.command(command, environment),
            check=check,
            capture_output=True,
            text=True,
            timeout=120,
        )

    @contextmanager
    def container(
        self, log: Path, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> Iterator[Container]:
        command = self.command([*self.entrypoint, *arguments], environment)
        with (
            log.open("w") as output,
            subprocess.Popen(command, stdout=output, stderr=output, text=True) as process,
        ):
            try:
                yield Container(process, log, self, environment)
            finally:
                process.kill()


def build(folder: Path) -> Image:
    """Do what the builder's stage says, in a container of its own that may write and download."""
    environment: dict[str, str] = {}
    workdir = "/"
    for place in ("/build", "/opt", *(f"/writable{place}" for place in WRITABLE)):
        (folder / place.lstrip("/")).mkdir(parents=True)
    for one in stages()["builder"]:
        if one.name == "ENV":
            environment |= one.pairs
        elif one.name == "WORKDIR":
            workdir = one.text
        elif one.name == "COPY" and "from" not in one.flags:
            _copy(one.words, Path(f"{folder}{workdir}"))
        elif one.name == "RUN":
            _build(folder, workdir, one.text, environment)
    return Image(folder, stages()[""])


def _copy(words: Sequence[str], target: Path) -> None:
    *names, last = words
    for name in names:
        source = ROOT / name
        copied = target / last if source.is_dir() else target / last / name
        if source.is_dir():
            shutil.copytree(source, copied, ignore=_ignored)
        else:
            shutil.copy(source, copied)


def _ignored(folder: str, names: list[str]) -> set[str]:
    place = Path(folder).relative_to(ROOT)
    return {name for name in names if is_ignored((place / name).as_posix())}


def _build(folder: Path, workdir: str, command: str, environment: Mapping[str, str]) -> None:
    uv = find_uv()
    if uv is None:
        raise Missing("The tests need uv, which tools/bootstrap installs.")
    cache = subprocess.run([uv, "cache", "dir"], check=True, capture_output=True, text=True)
    kept = Path(cache.stdout.strip())
    kept.mkdir(parents=True, exist_ok=True)
    machine = {
        name: value for name, value in os.environ.items() if re.fullmatch(OF_THE_MACHINE, name)
    }
    if AUTHORITIES.exists():
        machine.setdefault("SSL_CERT_FILE", str(AUTHORITIES))
    variables = {
        **machine,
        **environment,
        "PATH": f"/uv:{PATH}",
        "HOME": "/root",
        "UV_PYTHON": _python(),
        # Links take no disk, but only within one mount can they be made.
        "UV_LINK_MODE": "hardlink",
        "UV_CACHE_DIR": f"/host{kept}",
    }
    arguments = [
        *_bubblewrap("0", "0"),
        *("--ro-bind", str(uv.resolve().parent), "/uv", "--bind", "/", "/host"),
        *("--symlink", f"/host{folder}/build", "/build", "--symlink", f"/host{folder}/opt", "/opt"),
        *("--tmpfs", "/tmp", "--chdir", workdir),  # noqa: S108
        *_variables(variables),
        *("/bin/sh", "-c", command),
    ]
    answer = subprocess.run(
        arguments,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=600,
    )
    assert answer.returncode == 0, answer.stderr


def _bubblewrap(user: str, group: str) -> Iterator[str]:
    """With this machine's programs, and its Python wherever that is."""
    yield str(find(BUBBLEWRAP, ROOT))
    yield from ("--die-with-parent", "--unshare-user", "--unshare-pid", "--as-pid-1")
    yield from ("--uid", user, "--gid", group, "--clearenv", "--proc", "/proc", "--dev", "/dev")
    yield from ("--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc")
    yield from ("--ro-bind-try", "/run", "/run")
    for place in map(Path, ("/bin", "/lib", "/lib64", "/sbin")):
        if place.is_symlink():
            yield from ("--symlink", str(place.readlink()), str(place))
        elif place.exists():
            yield from ("--ro-bind", str(place), str(place))
    yield from ("--ro-bind", sys.base_prefix, sys.base_prefix)


def _python() -> str:
    return str(Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}"))


def _variables(variables: Mapping[str, str]) -> Iterator[str]:
    for name, value in variables.items():
        yield from ("--setenv", name, value)
