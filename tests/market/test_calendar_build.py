"""How a calendar gets from exchange_calendars into a process that has no pandas."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
import uvloop

from tradeapi.errors import Invalid, Unavailable
from tradeapi.market.calendars.build import REFUSED, build_apart
from tradeapi.market.calendars.calendar import Continuous, load
from tradeapi.market.calendars.source import build, main


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_calendar_is_built_in_a_process_of_its_own(
    run: Callable[[Coroutine[object, object, bytes]], bytes],
) -> None:
    """What comes back is what building it here gives, on either event loop."""
    assert run(build_apart("XHKG")) == build("XHKG")


def test_a_market_that_never_closes_needs_no_data() -> None:
    """24x7 is not a calendar of the library."""
    assert asyncio.run(build_apart("24x7")) == b""
    assert isinstance(load("24x7", b""), Continuous)


@pytest.mark.parametrize("code", ["NOPE", "-c", "../x", "a\0b", "x" * 40, ""])
def test_an_unknown_code_is_refused_with_examples(code: str) -> None:
    """Nothing that is not a name reaches the command line."""
    with pytest.raises(Invalid, match="such as XNYS") as caught:
        asyncio.run(build_apart(code))
    assert caught.value.code == "unknown_calendar"


def test_a_calendar_the_library_fails_to_make_is_refused() -> None:
    """exchange_calendars names some calendars that it cannot build."""
    with pytest.raises(ValueError, match="fails to make XTAE"):
        build("XTAE")


def test_a_builder_that_crashes_makes_the_calendar_unavailable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The caller reads the last line of what it said."""
    (tmp_path / "exchange_calendars.py").write_text("raise MemoryError('too many days')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(Unavailable, match="could not be built: MemoryError: too many days"):
        asyncio.run(build_apart("XNYS"))


def test_the_program_refuses_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard output stays empty, so that no sentence is taken for a calendar."""
    monkeypatch.setattr(sys, "argv", ["source", "NOPE"])
    assert main() == REFUSED
    assert capsys.readouterr() == ("", "There is no calendar NOPE.")


def test_calendars_do_not_bring_pandas() -> None:
    """A server that loads calendars keeps its memory."""
    program = (
        "import sys, tradeapi.market.calendars.build, tradeapi.market.calendars.calendar;"
        "sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_calendar_is_a_few_kilobytes() -> None:
    """58 years of sessions repeat themselves."""
    data = build("XNYS")
    assert len(data) < 16_384
    assert load("XNYS", data).until > load("XNYS", data).session(0).open
