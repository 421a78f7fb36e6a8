"""What README and docs show is what happens: examples, frames and the page, on the demo market."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx2
import orjson
import pytest

from tests.documents import curl
from tests.documents.demo import Demo, demo
from tests.documents.examples import DOCUMENTS, Example, block, examples, read
from tests.documents.frames import BARS, hear_all, listener
from tests.documents.shapes import differences, different_lines, parse_all
from tests.streams.documented import Frame
from tradeapi.streams import protocol, requests, topics
from tradeapi.streams.limits import Limits

README, STREAM = "README.md", "docs/stream.md"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo market, in a folder of its own."""
    with demo(tmp_path_factory.mktemp("reader")) as running:
        yield running


@pytest.fixture(scope="module")
def frames(service: Demo) -> Sequence[Frame]:
    """Frames of all types, from the running service."""
    return hear_all(service)


@pytest.fixture(scope="module")
def page() -> str:
    """The live chart."""
    return block(README, "html", "LightweightCharts").text


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_example_comes_out_as_shown(service: Demo, document: str) -> None:
    """One after the other, as a reader would; the same fields, types and words, other numbers."""
    faults = [
        f"{document}:{one.line}: {fault}"
        for one in examples(document)
        for fault in _faults(service, one)
    ]
    assert faults == []


def test_the_conversation_is_as_shown(service: Demo) -> None:
    """What is said by `>` is answered by frames like those after `<`."""
    with listener(service) as socket:
        for line in block(README, "text", "> {").text.splitlines():
            frame = orjson.loads(line[1:])
            if line.startswith(">"):
                socket.say(**frame)
            else:
                real = socket.hear(frame["type"], frame.get("topic"))
                assert [*differences(frame, real)] == []


def test_every_type_of_frame_is_shown_as_it_is(frames: Sequence[Frame]) -> None:
    """Each frame in the description of the stream has the fields of a real one."""
    for shown in _shown_frames():
        kind = shown.get("topic", "").partition(":")[0]
        faults = [
            [*differences(shown, frame)]
            for frame in frames
            if frame["type"] == shown["type"] and frame.get("topic", "").startswith(kind)
        ]
        assert min(faults, key=len) == [], shown


def test_no_type_of_frame_is_left_out(frames: Sequence[Frame]) -> None:
    """The description names what is heard, and all that the protocol can say."""
    shown = {frame["type"] for frame in _shown_frames()}
    sources = "".join(Path(str(module.__file__)).read_text() for module in (protocol, topics))
    sayable = set(re.findall(r'"type": "(\w+)"', sources))
    assert shown == {frame["type"] for frame in frames} | sayable
    explained = set(re.findall(r"^- \*\*(\w+)\*\*", read(STREAM), re.MULTILINE))
    assert shown - {"pong", "resumed"} == explained


def test_what_clients_say_is_understood() -> None:
    """The frames of clients in the description of the stream."""
    said = parse_all(block(STREAM, "json", '"op": "subscribe"').text)
    asked = [requests.parse(orjson.dumps(frame).decode(), Limits()) for frame in said]
    names = ["Authenticate", "Subscribe", "Unsubscribe", "Ping", "Replay", "StopReplay"]
    assert [type(request).__name__ for request in asked] == names


def test_the_page_reads_what_frames_have(page: str, frames: Sequence[Frame]) -> None:
    """Every field that it takes of a frame is there, in frames of the type that it looks at."""
    real = {frame["type"]: frame for frame in frames if frame.get("topic", BARS) == BARS}
    handler, _, _ = page.partition("function connect")
    _, *parts = re.split(r'frame\.type === "(\w+)"', handler)
    for type, code in zip(parts[::2], parts[1::2], strict=True):
        assert set(re.findall(r"frame\.(\w+)", code)) - {"type"} <= real[type].keys(), type
    (columns,) = re.findall(r"const \{ ([\w, ]+) \} = frame\.bars", page)
    assert columns.split(", ") == [*real["snapshot"]["bars"]][:5]
    assert len(real["bar"]["bar"]) == len(real["revise"]["bar"]) == 6
    (field,) = re.findall(r"frame\.rejected\[0\]\.(\w+)", page)
    assert field in real["ack"]["rejected"][0]


def test_the_page_asks_for_what_there_is(page: str, service: Demo) -> None:
    """Its address answers bars with the fields that it takes, and its topic exists."""
    page = service.here(page)
    values = dict(re.findall(r'(\w+) = "([^"]+)"', page)) | {"time[0]": "1795217280"}

    def filled(pattern: str) -> str:
        (template,) = re.findall(pattern, page)
        return re.sub(r"\$\{(.+?)\}", lambda name: values[name[1]], template)

    url = filled(r"`(http://[^`]+)`") + filled(r"fetch\(`\$\{\w+\}([^`]+)`\)")
    items = httpx2.get(url).json()["items"]
    (names,) = re.findall(r"candle = \(([\w, ]+)\)", page)
    assert items[0].keys() >= set(names.split(", "))
    (said,) = re.findall(r"JSON\.stringify\(\{ (.+?) \}\)", page)
    assert re.findall(r"(\w+)(?=[:,])", said) == ["op", "topics", "history"]
    topic = filled(r"topics = \[`([^`]+)`\]")
    with listener(service) as socket:
        socket.say(op="subscribe", topics=[topic], history=300)
        assert socket.hear("ack")["topics"] == [topic]


def test_curl_has_a_stand_in(service: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    """It does what curl does with the options that the documents use."""
    command = ["-s", "-H", "content-type: application/json", "-d", "[]"]
    assert curl.main([*command, f"{service.url}/api/v1/bars"]) == 0
    assert orjson.loads(capsys.readouterr().out)["items"] == []
    assert curl.main(["-s", f"{service.url}/nowhere"]) == curl.REFUSED
    output = service.folder / "answer"
    assert curl.main(["-s", "-o", str(output), f"{service.url}/health"]) == 0
    assert orjson.loads(output.read_bytes())["status"] == "healthy"
    used = re.findall(r"^(?:now=.*\n)?curl(.+)", "".join(map(read, DOCUMENTS)), re.MULTILINE)
    assert {option for line in used for option in re.findall(r" (-\w+)", line.split("'")[0])} <= {
        "-s", "-X", "-H", "-d", "-o",
    }  # fmt: skip


def _faults(service: Demo, example: Example) -> Iterator[str]:
    done = service.run(example.command)
    expected = 0 if example.refusal is None else curl.REFUSED
    if done.returncode != expected:
        yield f"exit code {done.returncode}: {done.stderr or done.stdout}"
    elif example.shown is None:
        assert "-o" in example.command or not done.stdout
    elif example.shown.language == "text":
        yield from different_lines(example.shown.text, done.stdout)
    else:
        real = parse_all(done.stdout)
        yield from differences([*parse_all(example.shown.text)], real)
        if (
            example.refusal is not None
            and real[0].get("status", example.refusal) != example.refusal
        ):
            yield f"status {real[0]['status']}"


def _shown_frames() -> Sequence[Frame]:
    return parse_all(block(STREAM, "json", '"type": "hello"').text)
