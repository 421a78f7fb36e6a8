"""The lock file installs on any machine, and installs what pyproject.toml asks for."""

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def locked() -> list[dict[str, Any]]:
    packages: list[dict[str, Any]] = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    return packages


def test_every_package_comes_from_pypi() -> None:
    """No source in the lock file is a folder or an index that other machines lack."""
    sources = [package["source"] for package in locked() if package["name"] != "tradeapi"]
    assert all(source == {"registry": "https://pypi.org/simple"} for source in sources)


def test_the_lock_holds_each_requirement() -> None:
    """A requirement added to pyproject.toml is locked too (`uv lock` does it)."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = next(package for package in locked() if package["name"] == "tradeapi")["metadata"]
    assert _names(project["requires-dist"]) == _declared(declared["project"]["dependencies"])
    assert _names(project["requires-dev"]["dev"]) == _declared(declared["dependency-groups"]["dev"])


def _names(requirements: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(entry["name"], _sorted(entry.get("specifier", ""))) for entry in requirements}


def _declared(requirements: list[str]) -> set[tuple[str, str]]:
    parts = [re.fullmatch(r"([\w.-]+)(?:\[[^]]*\])?(.*)", text) for text in requirements]
    return {(part[1], _sorted(part[2])) for part in parts if part}


def _sorted(specifier: str) -> str:
    return ",".join(sorted(specifier.replace(" ", "").split(",")))
