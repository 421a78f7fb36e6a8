"""A browser without a screen: one that a package of npm carries, else this machine's."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.servers.programs import Missing

# Where it believes to be its libraries and fonts are unpacked as well.
PLACE = {"AWS_LAMBDA_JS_RUNTIME": "nodejs22.x"}
UNPACK = 'await (await import("@sparticuz/chromium")).default.executablePath();'
UNPACKED, ON_PATH = "chromium", ("chromium", "google-chrome")


@dataclass(frozen=True, slots=True)
class Browser:
    """`environment` is what it needs to start."""

    executable: Path
    environment: Mapping[str, str]


def browser(node: Path, packages: Path) -> Browser:
    """The first that starts."""
    failures = []
    try:
        return _checked(_carried(node, packages))
    except (Missing, OSError, subprocess.SubprocessError) as error:
        failures.append(str(error))
    for installed in filter(None, map(shutil.which, ON_PATH)):
        with suppress(Missing):
            return _checked(Browser(Path(installed), {}))
        failures.append(f"{installed} does not start")
    raise Missing("There is no browser (apt-get install chromium):\n  - " + "\n  - ".join(failures))


def _carried(node: Path, packages: Path) -> Browser:
    """Unpacked once, in one step: other runs may be doing the same."""
    folder = packages / "browser"
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=packages) as name:
            new = Path(name, "browser")
            new.mkdir()
            subprocess.run(
                [node, "--input-type=module", "--eval", UNPACK],
                check=True,
                cwd=packages,
                env={**os.environ, **PLACE, "TMPDIR": str(new)},
                capture_output=True,
                timeout=120,
            )
            with suppress(OSError):  # another run was faster
                new.rename(folder)
    environment = {
        "LD_LIBRARY_PATH": str(folder / "al2023" / "lib"),
        "FONTCONFIG_PATH": str(folder / "fonts"),
    }
    return Browser(folder / UNPACKED, environment)


def _checked(browser: Browser) -> Browser:
    answer = subprocess.run(
        [browser.executable, "--version"],
        check=False,
        env={**os.environ, **browser.environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    if answer.returncode != 0:
        raise Missing(f"{browser.executable}: {answer.stderr.strip()[-400:]}")
    return browser
