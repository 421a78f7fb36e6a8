"""npm's packages as a package-lock pins them, installed once and kept with the servers."""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.servers.programs import VENV, Missing

LOCK = "package-lock.json"
PINS = ("package.json", LOCK)


def packages(node: Path, pins: Path) -> Path:
    """The folder with `node_modules` of what is pinned in the folder `pins`."""
    digest = hashlib.sha256((pins / LOCK).read_bytes()).hexdigest()[:16]
    kept = VENV / "servers" / f"npm-{digest}"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        _install(node, pins, kept)
    return kept


def _install(node: Path, pins: Path, kept: Path) -> None:
    """In one step: other runs may be doing the same."""
    with tempfile.TemporaryDirectory(dir=kept.parent) as name:
        folder = Path(name, "npm")
        folder.mkdir()
        for pin in PINS:
            shutil.copy(pins / pin, folder)
        command = [*_npm(node), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        answer = subprocess.run(
            command,
            check=False,
            cwd=folder,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=300,
        )
        if answer.returncode != 0:
            raise Missing(f"The tests need packages from npm: {answer.stderr.strip()[-400:]}")
        with suppress(OSError):  # another run was faster
            folder.rename(kept)


def _npm(node: Path) -> Sequence[str]:
    installed = shutil.which("npm")
    if installed is not None:
        return [installed]
    # Wheels have it beside Node, as Node's own archives do.
    script = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if script.exists():
        return [str(node), str(script)]
    raise Missing("The tests need npm, and there is none (apt-get install npm).")
