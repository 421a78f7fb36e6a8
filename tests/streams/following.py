"""Whether a client gets what it asks for."""

from tests.streams.client import Client
from tests.streams.conftest import Served


async def follow(guest: Client, served: Served) -> None:
    """It hears a board from its snapshot on."""
    board = served.boards["a"]
    if not board.values:
        board.write("x", 1)
    await guest.say(op="subscribe", topics=["board:a"])
    assert (await guest.hear_type("ack"))["topics"] == ["board:a"]
    assert (await guest.hear())["values"] == board.values
