"""Files of a place that is a folder, as whoever touches them by hand does."""

from pathlib import Path


def names(folder: str | Path, pattern: str = "*") -> list[str]:
    return sorted(path.name for path in Path(folder).glob(pattern))


def read(folder: str, name: str) -> bytes:
    return Path(folder, name).read_bytes()


def write(folder: str, name: str, content: bytes) -> None:
    Path(folder, name).write_bytes(content)


def remove(folder: str, name: str) -> None:
    Path(folder, name).unlink()
