"""What the figures were measured on."""

import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import version

from benchmarks.processes import CORES

PACKAGES = "uvicorn", "uvloop", "websockets", "fastapi", "redis", "hiredis", "asyncpg", "orjson"
PROGRAMS = "postgres", "redis-server", "node", "cc"


def machine() -> str:
    """In one line: cores, load, versions."""
    load = " ".join(f"{average:.2f}" for average in os.getloadavg())
    versions = [
        f"Linux {platform.release()}",
        f"Python {platform.python_version()}",
        *(f"{package} {version(package)}" for package in PACKAGES),
        *(f"{program} {_version(program)}" for program in PROGRAMS if shutil.which(program)),
    ]
    return f"{len(CORES)} cores, load average {load}; {', '.join(versions)}"


def _version(program: str) -> str:
    command = [program, "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"\d+(\.\d+)+", said)
    return "?" if found is None else found[0]
