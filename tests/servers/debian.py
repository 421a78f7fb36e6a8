"""Programs out of Debian's packages that need not be installed: unpacked once, and kept."""

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.servers.programs import VENV, Missing


def program(package: str, name: str) -> Path:
    """The executable of that name, installed or out of the package; raises Missing."""
    if installed := shutil.which(name):
        return Path(installed)
    kept = VENV / "servers" / f"debian-{package}"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        _unpack(package, kept)
    return kept / "usr" / "bin" / name


def _unpack(package: str, kept: Path) -> None:
    """In one step: other runs may be doing the same."""
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        if not _succeeds("apt-get", "download", package, cwd=folder):
            # Nobody has asked for the lists of packages yet, or they are old; that needs root.
            if os.geteuid() == 0:
                _succeeds("apt-get", "update", cwd=folder)
            if not _succeeds("apt-get", "download", package, cwd=folder):
                raise Missing(f"The tests need {package}, and there is none: apt-get install it.")
        (archive,) = Path(folder).glob("*.deb")
        if not _succeeds("dpkg-deb", "-x", archive.name, "files", cwd=folder):
            raise Missing(f"dpkg-deb can't unpack {archive.name}.")
        with suppress(OSError):  # another run was faster
            Path(folder, "files").rename(kept)


def _succeeds(*command: str, cwd: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    answer = subprocess.run(
        command,
        cwd=cwd,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=300,
    )
    return answer.returncode == 0
