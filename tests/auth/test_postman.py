"""Mails on their way: nobody waits for one, and none is in the way of the next."""

import anyio
import pytest

from tradeapi.auth.postman import MOST_WAITING, Postman
from tradeapi.errors import Unavailable
from tradeapi.mail import Mail


def mail(number: int) -> Mail:
    return Mail("ada@example.com", f"Letter {number}", "")


class Basket:
    """Takes mails, but not every one."""

    def __init__(self) -> None:
        self.subjects: list[str] = []

    async def send(self, message: Mail) -> None:
        if message.subject == "Letter 1":
            raise Unavailable("Not this one.")
        self.subjects.append(message.subject)


async def test_a_mail_that_can_not_be_sent_stops_no_other() -> None:
    """Whoever waits for it asks once more."""
    basket = Basket()
    postman = Postman(basket)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(postman.run)
        for number in range(3):
            postman.send(mail(number))
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert basket.subjects == ["Letter 0", "Letter 2"]


async def test_too_many_mails_are_refused_before_anything_is_promised() -> None:
    """To everybody alike; and what has happened is not undone for want of a mail about it."""
    basket = Basket()
    postman = Postman(basket)
    for number in range(MOST_WAITING):
        postman.require()
        postman.send(mail(number))
    with pytest.raises(Unavailable) as error:
        postman.require()
    assert error.value.code == "busy"
    postman.send(mail(MOST_WAITING))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(postman.run)
        await anyio.wait_all_tasks_blocked()
        postman.require()
        tasks.cancel_scope.cancel()
    assert len(basket.subjects) == MOST_WAITING - 1
