"""One command to Redis over a plain socket: no client library is needed to start or empty it."""

import socket
import time
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

SLOTS = 16_384
JOIN_SECONDS = 30.0


def call(url: str, *words: str) -> str:
    """Send a command to the database the URL names; return the answer as text."""
    parts = urlsplit(url)
    commands = [("SELECT", parts.path.strip("/") or "0"), words]
    if parts.password:
        commands.insert(0, ("AUTH", parts.username or "default", unquote(parts.password)))
    address = (parts.hostname, parts.port or 6379)
    with socket.create_connection(address, timeout=5) as connection:
        for command in commands:
            answer = _exchange(connection, command)
    return answer


def _exchange(connection: socket.socket, words: tuple[str, ...]) -> str:
    request = f"*{len(words)}\r\n"
    request += "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
    connection.sendall(request.encode())
    with connection.makefile("rb") as stream:
        line = stream.readline().decode().strip()
        if line.startswith("$"):
            return stream.read(int(line[1:]) + 2).decode().strip()
    if not line or line.startswith("-"):
        raise ConnectionError(f"Redis answers {words[0]} with {line or 'nothing'}")
    return line[1:]


def join(nodes: Sequence[str]) -> None:
    """Have new nodes be a cluster without replicas; return once each of them knows it."""
    for number, node in enumerate(nodes):
        first, end = (SLOTS * place // len(nodes) for place in (number, number + 1))
        call(node, "CLUSTER", "ADDSLOTS", *map(str, range(first, end)))
        call(node, "CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
    for node in nodes[1:]:
        parts = urlsplit(node)
        call(nodes[0], "CLUSTER", "MEET", str(parts.hostname), str(parts.port))
    deadline = time.monotonic() + JOIN_SECONDS
    while not all(_is_whole(node, len(nodes)) for node in nodes):
        if time.monotonic() > deadline:
            raise ConnectionError("The nodes do not become a cluster.")
        time.sleep(0.05)


def _is_whole(node: str, size: int) -> bool:
    known = call(node, "CLUSTER", "INFO")
    return "cluster_state:ok\r\n" in known and f"cluster_size:{size}\r\n" in known


def with_offset(url: str, offset: int) -> str:
    """Return the URL of the database that many numbers further on."""
    parts = urlsplit(url)
    return parts._replace(path=f"/{int(parts.path.strip('/') or 0) + offset}").geturl()
