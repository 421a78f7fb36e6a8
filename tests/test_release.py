"""What a release consists of, and what whoever contributes to it is told."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

from tests.servers.programs import find_uv
from tests.test_lock import locked
from tradeapi import __version__, migrations

ROOT = Path(__file__).parents[1]
VENV = ROOT / ".venv"


def test_the_list_of_parts_is_what_is_installed() -> None:
    """Each package has the version that is locked, and its hashes; none is for tests alone."""
    environment = os.environ | {"PATH": f"{Path(str(find_uv())).parent}:{os.environ['PATH']}"}
    printed = subprocess.check_output([ROOT / "tools" / "sbom"], env=environment)
    document = json.loads(printed)
    assert document["metadata"]["component"]["version"] == __version__
    parts = {part["name"]: part for part in document["components"]}
    versions = {package["name"]: package["version"] for package in locked() if "version" in package}
    assert all(part["version"] == versions[name] for name, part in parts.items())
    assert all(part["externalReferences"] for part in parts.values())
    assert {"fastapi", "asyncpg", "sqlalchemy"} <= parts.keys()
    assert not {"pytest", "ruff"} & parts.keys()


def test_the_wheel_holds_all_that_it_needs(tmp_path: Path) -> None:
    """Migrations and pages too, so that it works where this folder is not."""
    uv = str(find_uv())
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", tmp_path], cwd=ROOT, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    # What it asks for is in .venv already.
    install: list[str | Path] = [
        uv,
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        installed,
        wheel,
    ]
    subprocess.run(install, check=True)
    environment = os.environ | {"PYTHONPATH": str(installed), "DATABASE_URL": "sqlite:///here.db"}
    said = subprocess.check_output(
        [sys.executable, "-m", "tradeapi", "migrate"], env=environment, cwd=tmp_path, text=True
    )
    assert said.splitlines()[-1] == f"The database is at {migrations.head()}."
    assert (installed / "tradeapi" / "web" / "static" / "datafeed.js").exists()


def test_the_version_is_written_once() -> None:
    """Whatever names it reads it from the package."""
    said = subprocess.check_output([sys.executable, "-m", "tradeapi", "--version"], text=True)
    assert said.strip() == __version__
    assert 'dynamic = ["version"]' in (ROOT / "pyproject.toml").read_text()


def test_the_checks_before_a_commit_are_those_of_the_build() -> None:
    """Each hook is a line of the Makefile, and pre-commit can read them."""
    file = ROOT / ".pre-commit-config.yaml"
    subprocess.run([VENV / "bin" / "pre-commit", "validate-config", file], check=True)
    (repository,) = yaml.safe_load(file.read_text())["repos"]
    run = re.findall(
        r"^\t(\.venv/bin/\S+(?: [a-z]+)?)", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    hooks = {hook["entry"].partition(" --")[0] for hook in repository["hooks"]}
    assert hooks == {*run}
