"""What we lean on in uvicorn without its having promised it."""

import ast
import inspect

import pytest
import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from tradeapi.streams import socket_connection
from tradeapi.streams.connection import Connection
from tradeapi.streams.outlet import Outlet
from tradeapi.streams.socket_connection import StreamProtocol

OURS = {*vars(Connection), *vars(Outlet)}
THEIRS = inspect.getsource(WebSocketsSansIOProtocol)


def _names() -> set[str]:
    """What our class asks of itself and does not have from us."""
    [ours] = [
        node
        for node in ast.parse(inspect.getsource(socket_connection)).body
        if isinstance(node, ast.ClassDef) and node.name == StreamProtocol.__name__
    ]
    asked = {
        node.attr
        for node in ast.walk(ours)
        if isinstance(node, ast.Attribute)
        and (
            (isinstance(node.value, ast.Name) and node.value.id == "self")
            or (isinstance(node.value, ast.Call) and ast.unparse(node.value) == "super()")
        )
    }
    overridden = {node.name for node in ours.body if isinstance(node, ast.FunctionDef)}
    here = {name for name in asked if name.startswith("_") or name in OURS}
    return (asked | (overridden - OURS)) - here


def test_there_are_names_to_look_for() -> None:
    """The following test would be good for nothing."""
    assert {"conn", "writable", "transport", "pause_writing", "close_sent"} <= _names()


@pytest.mark.parametrize("name", sorted(_names()))
def test_what_our_protocol_class_leans_on_is_there(name: str) -> None:
    """A release of uvicorn that changes it has to be looked at before it is used."""
    assert f"self.{name}" in THEIRS or f"def {name}(" in THEIRS, (
        f"uvicorn {uvicorn.__version__} has no {name!r} in WebSocketsSansIOProtocol any more; "
        f"{socket_connection.__name__} leans on it."
    )


@pytest.mark.parametrize(
    ("how", "method"),
    [
        ("await self.app(self.scope, self.receive, self.send)", "run_asgi"),
        ("await self.writable.wait()", "send"),
        ("self.writable.clear()", "pause_writing"),
        ("self.writable.set()", "resume_writing"),
        ("self.transport.close()", "handle_close"),
        ("self.transport.close()", "handle_parser_exception"),
        ("self.transport.close()", "keepalive_timeout"),
        ("self.transport.close()", "shutdown"),
        ("self.conn.send_close(", "send"),
    ],
)
def test_uvicorn_still_does_it_that_way(how: str, method: str) -> None:
    """Each way a socket closes is one that we know of, and write nothing after."""
    assert how in inspect.getsource(getattr(WebSocketsSansIOProtocol, method)), (
        f"uvicorn {uvicorn.__version__} does not {how!r} in {method}() any more; "
        f"{socket_connection.__name__} leans on it."
    )
