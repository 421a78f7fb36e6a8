"""Calls that wait for their turn."""

import asyncio
import time
from functools import partial

import pytest

from tradeapi.market.live.turns import TURN_SECONDS, Turns

pytestmark = pytest.mark.anyio


async def turn() -> None:
    await asyncio.sleep(0)


async def test_who_asks_again_before_his_turn_is_called_once() -> None:
    """In the order of the first asking."""
    turns, called = Turns(), list[str]()
    first, second = partial(called.append, "first"), partial(called.append, "second")
    for call in (first, second, first):
        turns.ask(call)
    assert called == []
    await turn()
    assert called == ["first", "second"]
    turns.ask(first)
    await turn()
    assert called == ["first", "second", "first"]


async def test_others_have_their_turn_in_between() -> None:
    """However many are due."""
    turns, called = Turns(), list[int]()

    def call(number: int) -> None:
        time.sleep(TURN_SECONDS)
        called.append(number)

    for number in range(3):
        turns.ask(partial(call, number))
    for number in range(3):
        await turn()
        assert called == list(range(number + 1))


async def test_one_that_fails_costs_the_others_nothing() -> None:
    """The loop reports it."""
    turns, called, reported = Turns(), list[str](), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: reported.append(fault))
    turns.ask(partial(called.remove, "third"))
    turns.ask(partial(called.append, "second"))
    await turn()
    await turn()
    assert called == ["second"]
    assert reported
