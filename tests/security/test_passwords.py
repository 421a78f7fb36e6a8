"""Passwords: their hashes, the queue for them, and which ones are refused."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator

import pytest

from tradeapi.errors import Invalid, NotStarted, Unavailable
from tradeapi.security.passwords import LONGEST, THREADS, WAITING, Passwords, Verdict, check
from tradeapi.settings import Settings

PASSWORD = "correct horse battery staple"  # noqa: S105
EMAIL = "Ada.Lovelace@example.com"
COMPOSED, DECOMPOSED = "caf\u00e9 cr\u00e8me", "cafe\u0301 cre\u0300me"


def cheap(**costs: int) -> Passwords:
    costs = {"argon2_memory_kib": 64, "argon2_time_cost": 1, "argon2_parallelism": 1, **costs}
    return Passwords.of(Settings.model_validate(costs))


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    async with cheap() as passwords:
        yield passwords


async def test_a_hash_is_argon2id_with_the_parameters_of_the_settings() -> None:
    async with cheap(argon2_memory_kib=128, argon2_time_cost=3, argon2_parallelism=2) as passwords:
        hash = await passwords.hash(PASSWORD)
    assert hash.startswith("$argon2id$v=19$m=128,t=3,p=2$")


async def test_a_hash_has_a_salt(passwords: Passwords) -> None:
    """Nobody sees who has the same password."""
    assert await passwords.hash(PASSWORD) != await passwords.hash(PASSWORD)


async def test_only_the_password_is_right(passwords: Passwords) -> None:
    hash = await passwords.hash(PASSWORD)
    assert await passwords.verify(PASSWORD, hash) == (True, None)
    assert await passwords.verify(PASSWORD.upper(), hash) == (False, None)
    assert await passwords.verify("", hash) == (False, None)


async def test_the_whole_password_counts(passwords: Passwords) -> None:
    """Whatever its length, and in bytes it may be four times as long."""
    password = "\N{MUSICAL SYMBOL G CLEF}" * (LONGEST - 1)
    hash = await passwords.hash(password + "1")
    assert (await passwords.verify(password + "1", hash)).is_right
    assert not (await passwords.verify(password + "2", hash)).is_right


async def test_accents_may_be_composed_either_way(passwords: Passwords) -> None:
    """A Mac and a phone send different characters for the same keys."""
    assert COMPOSED != DECOMPOSED
    assert (await passwords.verify(DECOMPOSED, await passwords.hash(COMPOSED))).is_right
    assert (await passwords.verify(COMPOSED, await passwords.hash(DECOMPOSED))).is_right


@pytest.mark.parametrize(
    "change", [{"argon2_memory_kib": 128}, {"argon2_time_cost": 2}, {"argon2_parallelism": 2}]
)
async def test_a_hash_with_other_parameters_is_replaced(
    passwords: Passwords, change: dict[str, int]
) -> None:
    """At the next login, the only time that the password is known."""
    old = await passwords.hash(PASSWORD)
    async with cheap(**change) as later:
        assert await later.verify("wrong", old) == (False, None)
        is_right, new = await later.verify(PASSWORD, old)
        assert is_right
        assert new is not None
        assert await later.verify(PASSWORD, new) == (True, None)


async def test_nobody_has_no_password(passwords: Passwords) -> None:
    assert await passwords.verify(PASSWORD, None) == (False, None)


async def test_nobody_takes_as_long_as_somebody() -> None:
    """The time tells nobody who has an account: the same work, here of 8 MiB, is done."""
    async with cheap(argon2_memory_kib=8192, argon2_time_cost=4) as passwords:
        hash = await passwords.hash(PASSWORD)
        somebody = min([await seconds(passwords, hash) for _ in range(5)])
        nobody = min([await seconds(passwords, None) for _ in range(5)])
    assert 0.5 < nobody / somebody < 2


async def seconds(passwords: Passwords, hash: str | None) -> float:
    start = time.process_time()
    await passwords.verify("wrong", hash)
    return time.process_time() - start


@pytest.mark.parametrize(
    "password", ["nul\0byte", "lone \ud800 surrogate", "x" * (LONGEST + 1), "\u0958" * LONGEST]
)
async def test_what_can_not_be_a_password(passwords: Passwords, password: str) -> None:
    """The last one is too long only when it is normalised."""
    for call in (passwords.hash(password), passwords.verify(password, None)):
        with pytest.raises(Invalid) as refusal:
            await call
        assert refusal.value.code == "weak_password"
    with pytest.raises(Invalid):
        check(password, email=EMAIL, minimum=8)


async def test_others_are_served_while_a_password_is_hashed() -> None:
    """The work is done in threads that are there for nothing else."""
    turns = 0
    async with cheap(argon2_memory_kib=8192, argon2_time_cost=10) as passwords:
        hashing = asyncio.create_task(passwords.hash(PASSWORD))
        while not hashing.done():
            await asyncio.sleep(0)
            turns += 1
    assert turns > 10


async def test_the_queue_has_an_end(passwords: Passwords) -> None:
    """Who would wait too long is told so at once; the others are served."""
    calls = [passwords.verify(PASSWORD, None) for _ in range(THREADS + WAITING + 3)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    refusals = [answer for answer in answers if isinstance(answer, Unavailable)]
    assert [(refusal.code, refusal.retry_after) for refusal in refusals] == [("busy", 1)] * 3
    assert answers.count(Verdict(is_right=False, new_hash=None)) == THREADS + WAITING
    assert await passwords.verify(PASSWORD, None) == (False, None)


async def test_who_gives_up_leaves_the_queue() -> None:
    """Clients that went away keep nobody else out."""
    async with cheap(argon2_memory_kib=4096) as passwords:
        calls = [asyncio.create_task(passwords.hash(PASSWORD)) for _ in range(THREADS + WAITING)]
        await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert (await passwords.hash(PASSWORD)).startswith("$argon2id$")


async def test_its_threads_end_with_it() -> None:
    async with cheap() as passwords:
        await asyncio.gather(*(passwords.hash(PASSWORD) for _ in range(4)))
        ours = [thread for thread in threading.enumerate() if thread.name.startswith("passwords")]
        assert 0 < len(ours) <= THREADS
    assert not any(thread.is_alive() for thread in ours)


def test_too_little_memory_for_the_threads() -> None:
    """The process says so before it serves anybody."""
    with pytest.raises(NotStarted, match="ARGON2_MEMORY_KIB"):
        cheap(argon2_memory_kib=8, argon2_parallelism=4)


@pytest.mark.parametrize("password", [PASSWORD, COMPOSED, "        ", "12345678!", "a" * LONGEST])
def test_what_a_password_is_made_of_does_not_matter(password: str) -> None:
    check(password, email=EMAIL, minimum=8)


@pytest.mark.parametrize(
    ("password", "detail"),
    [
        ("seven77", "It must have at least 8 characters."),
        ("", "It must have at least 8 characters."),
        ("e\u0301" * 7, "It must have at least 8 characters."),
        ("x" * 1025, "It must have at most 1024 characters."),
        ("ada.lovelace@EXAMPLE.com", "It must not be your e-mail address."),
        ("ADA.LOVELACE", "It must not be your e-mail address."),
        ("password", "It is one of those that everybody tries first."),
        ("TrustNo1", "It is one of those that everybody tries first."),
        ("nul\0nul\0nul", "It must be text."),
    ],
)
def test_a_password_that_is_easily_guessed(password: str, detail: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check(password, email=EMAIL, minimum=8)
    assert refusal.value.code == "weak_password"
    assert [(error.pointer, error.detail) for error in refusal.value.errors] == [
        ("/password", detail)
    ]


def test_the_shortest_password_is_for_the_operator_to_say() -> None:
    check("fifteen letters", email=EMAIL, minimum=15)
    with pytest.raises(Invalid, match="at least 16 characters"):
        check("fifteen letters", email=EMAIL, minimum=16)
