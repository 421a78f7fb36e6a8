"""Passwords: which ones are good enough, and their argon2id hashes."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import NamedTuple, Self, TypeVar

from passlib.context import CryptContext  # type: ignore[import-untyped]

from tradeapi.errors import FieldError, Invalid, NotStarted, Unavailable
from tradeapi.security.secrets import new_secret
from tradeapi.settings import Settings

LONGEST = 1024
THREADS = 2
WAITING = 32

_T = TypeVar("_T")


class Verdict(NamedTuple):
    """`new_hash` is to be stored in place of the old one, whose parameters are not ours."""

    is_right: bool
    new_hash: str | None


class Passwords:
    """Hashes and verifies in threads of its own, so that nobody else waits meanwhile.

    A hash costs memory and time on purpose. Two at once bound what logins may take of a machine;
    whoever would be too far back in the queue is told to come again: raises Unavailable.
    Hashing and verifying raise Invalid for what can't be a password, whoever it is for.
    """

    def __init__(self, *, memory_kib: int, time_cost: int, parallelism: int) -> None:
        self._context, self._nobodys = _hashing(memory_kib, time_cost, parallelism)
        self._pending = 0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        try:
            return cls(
                memory_kib=settings.argon2_memory_kib,
                time_cost=settings.argon2_time_cost,
                parallelism=settings.argon2_parallelism,
            )
        except ValueError as error:
            raise NotStarted(
                "ARGON2_MEMORY_KIB: must be at least 8 times ARGON2_PARALLELISM"
            ) from error

    async def __aenter__(self) -> Self:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._threads.shutdown)

    async def hash(self, password: str) -> str:
        return str(await self._run(partial(self._context.hash, _normal(password))))

    async def verify(self, password: str, hash: str | None) -> Verdict:
        """None is the hash of nobody: never right, and found out no faster."""
        work = partial(
            self._context.verify_and_update,
            _normal(password),
            self._nobodys if hash is None else hash,
        )
        verdict = Verdict(*await self._run(work))
        return verdict if hash is not None else Verdict(is_right=False, new_hash=None)

    async def _run(self, work: Callable[[], _T]) -> _T:
        if self._pending >= THREADS + WAITING:
            raise Unavailable("Too many log in at once; try again.", code="busy", retry_after=1)
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._pending -= 1


def check(password: str, *, email: str, minimum: int, field: str = "password") -> None:
    """Raises Invalid for one that is easily guessed; what it is made of is nobody's business.

    `field` is what the caller calls it.
    """
    if fault := _weakness(password, email=email, minimum=minimum):
        raise _weak(fault, field)


def _weakness(password: str, *, email: str, minimum: int) -> str | None:
    known = _normal(password)
    folded = known.casefold()
    address = unicodedata.normalize("NFC", email).casefold()
    if len(known) < minimum:
        return f"must have at least {minimum} characters"
    if folded in {address, address.rpartition("@")[0]}:
        return "must not be your e-mail address"
    if folded in _leaked():
        return "is one of those that everybody tries first"
    return None


@cache
def _hashing(memory_kib: int, time_cost: int, parallelism: int) -> tuple[CryptContext, str]:
    """Also the hash of nobody, which takes its time."""
    context = CryptContext(
        ["argon2"],
        argon2__type="ID",
        argon2__memory_cost=memory_kib,
        argon2__time_cost=time_cost,
        argon2__parallelism=parallelism,
    )
    return context, str(context.hash(new_secret()))


def _normal(password: str) -> str:
    """In NFC, as RFC 8265 has it: keyboards differ in how they compose an accent."""
    _check_length(password)  # first: normalising takes the square of it
    if "\0" in password or any("\ud800" <= character <= "\udfff" for character in password):
        raise _weak("must be text")
    normal = unicodedata.normalize("NFC", password)
    _check_length(normal)
    return normal


def _check_length(password: str) -> None:
    if len(password) > LONGEST:
        raise _weak(f"must have at most {LONGEST} characters")


def _weak(detail: str, field: str = "password") -> Invalid:
    return Invalid(
        f"The password {detail}.",
        code="weak_password",
        errors=[FieldError(f"/{field}", f"It {detail}.")],
    )


@cache
def _leaked() -> frozenset[str]:
    # It takes a while and some megabytes, which only those that set passwords need.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # type: ignore[import-untyped]  # noqa: PLC0415

    return frozenset(FREQUENCY_LISTS["passwords"])
