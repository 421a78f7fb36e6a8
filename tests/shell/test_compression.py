"""Compressed answers."""

import gzip
import time

import brotli  # type: ignore[import-untyped]
import httpx2
import pytest
import zstandard


@pytest.mark.parametrize(
    ("encoding", "decode"),
    [
        ("gzip", gzip.decompress),
        ("br", brotli.decompress),
        ("zstd", lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)),
    ],
)
def test_large_answers_are_compressed(
    client: httpx2.Client, encoding: str, decode: type[bytes]
) -> None:
    """With each coding that clients know."""
    headers = {"accept-encoding": encoding}
    with client.stream("GET", "/probe/bytes/5000", headers=headers) as response:
        body = b"".join(response.iter_raw())
    assert response.headers["content-encoding"] == encoding
    assert "Accept-Encoding" in response.headers["vary"]
    assert len(body) < 500
    assert decode(body) == b"x" * 5000


@pytest.mark.parametrize("path", ["bytes/100", "bytes/5000?type=application/octet-stream"])
def test_what_gains_nothing_is_left_alone(client: httpx2.Client, path: str) -> None:
    """Short answers, and types that are packed already."""
    response = client.get(f"/probe/{path}", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in response.headers


def test_an_encoded_answer_is_not_encoded_again(client: httpx2.Client) -> None:
    """What comes compressed from a cache goes out as it is."""
    headers = {"accept-encoding": "gzip, br"}
    with client.stream("GET", "/probe/encoded", headers=headers) as response:
        assert b"".join(response.iter_raw()) == b"x" * 5000


def test_an_export_is_not_held_back(client: httpx2.Client) -> None:
    """The answer begins while the rest of it is still being made."""
    started = time.monotonic()
    headers = {"accept-encoding": "gzip"}
    with client.stream("GET", "/probe/stream?seconds=1", headers=headers) as response:
        assert response.headers["content-encoding"] == "gzip"
        assert time.monotonic() - started < 0.8
        assert response.read() == b"x" * 1000 + b"y" * 1000
