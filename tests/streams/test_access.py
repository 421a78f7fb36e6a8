"""Whom a socket serves: the rules, without a socket."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from uuid import UUID

import anyio
import pytest

from tradeapi.auth.revocations import Kind
from tradeapi.auth.scopes import ALL
from tradeapi.clock import FixedClock
from tradeapi.errors import Forbidden, Unauthenticated
from tradeapi.streams.access import Access, Standing, Term, names
from tradeapi.streams.callers import Callers, Crowded
from tradeapi.web.principal import ANONYMOUS, Principal, Scope

pytestmark = pytest.mark.anyio

NOW = 1_700_000_000.0
ADDRESS = "192.0.2.7"
USER, OTHER, LOGIN, KEY = (UUID(int=number) for number in range(1, 5))
READ = frozenset({Scope.READ})
LOGGED_IN = Principal(user=USER, session=LOGIN, scopes=READ)
BY_KEY = Principal(user=USER, key=KEY, scopes=READ)
DEVELOPER = Principal(user=UUID(int=0), scopes=ALL)
GUEST = Principal(may_browse=True)


@pytest.mark.parametrize(
    ("principal", "standing"),
    [
        (ANONYMOUS, "required"),
        (GUEST, "optional"),
        (DEVELOPER, "optional"),
        (LOGGED_IN, "done"),
        (BY_KEY, "done"),
        (Principal(user=USER, session=LOGIN), "done"),
    ],
)
def test_the_standing_of_a_socket(principal: Principal, standing: str) -> None:
    """Done is what credentials have done, whatever they allow."""
    assert Standing.of(principal) == standing


@pytest.mark.parametrize(
    ("left", "is_renewal", "warned_in"),
    [
        (900, False, 840),
        (900, True, 840),
        (61, False, 1),
        (60, False, 0),
        (10, False, 0),
        (60, True, 30),
        (10, True, 5),
    ],
)
def test_a_warning_comes_a_minute_before_the_end(
    left: float, is_renewal: bool, warned_in: float
) -> None:
    """At once where less is left, but not to who has just renewed."""
    term = Term.of(NOW + left, NOW, is_renewal=is_renewal)
    assert (term.warning, term.end) == (NOW + warned_in, NOW + left)


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        (LOGGED_IN, (USER, LOGIN)),
        (BY_KEY, (USER, KEY)),
        (GUEST, (ADDRESS,)),
        (DEVELOPER, (ADDRESS,)),
    ],
)
def test_a_socket_counts_for_its_user_or_its_address(
    principal: Principal, expected: tuple[object, ...]
) -> None:
    """Everybody is the developer where nobody has to say who he is."""
    assert names(principal, ADDRESS) == expected


class Socket:
    """What happened to it, as the session would see it."""

    def __init__(self, callers: Callers, clock: FixedClock, *, auth_seconds: float = 5) -> None:
        self.warned: list[float] = []
        self.ended: list[tuple[int, str]] = []
        self.access = Access(
            callers,
            clock,
            ADDRESS,
            auth_seconds=auth_seconds,
            warn=self.warned.append,
            end=lambda code, reason: self.ended.append((code, reason)),
        )


@pytest.fixture
def callers() -> Callers:
    return Callers(2)


@contextmanager
def opened(
    callers: Callers,
    principal: Principal,
    clock: FixedClock | None = None,
    *,
    auth_seconds: float = 5,
) -> Iterator[Socket]:
    socket = Socket(callers, clock or FixedClock(NOW), auth_seconds=auth_seconds)
    with closing(socket.access):
        socket.access.take(principal)
        yield socket


async def test_who_does_not_say_who_he_is_in_time_is_ended(callers: Callers) -> None:
    """Not who does, and not who need not."""
    with (
        opened(callers, ANONYMOUS, auth_seconds=0.01) as late,
        opened(callers, ANONYMOUS, auth_seconds=0.01) as known,
        opened(callers, LOGGED_IN, auth_seconds=0.01) as early,
    ):
        known.access.take(LOGGED_IN)
        with opened(Callers(1), GUEST, auth_seconds=0.01) as guest:
            await anyio.sleep(0.05)
            assert guest.ended == []
        assert late.ended == [(4408, "not authenticated")]
        assert known.ended == early.ended == []


async def test_credentials_are_warned_of_and_end(callers: Callers) -> None:
    """By the clock of the service, once each."""
    clock = FixedClock(NOW)
    brief = Principal(user=USER, session=LOGIN, scopes=READ, expires=NOW + 60.02)
    with opened(callers, brief, clock) as socket:
        await anyio.sleep(0.1)
        assert socket.warned == []
        clock.time = NOW + 0.02
        await anyio.sleep(0.1)
        assert socket.warned == [60.0]
        # As if one minute had been slept.
        socket.access.take(Principal(user=USER, session=LOGIN, expires=NOW + 0.12))
        await anyio.sleep(0.2)
        assert (socket.warned, socket.ended) == ([60.0], [])
        clock.time = NOW + 0.08
        await anyio.sleep(0.15)
        assert (len(socket.warned), socket.ended) == (2, [])
        clock.time = NOW + 0.12
        await anyio.sleep(0.1)
        assert (len(socket.warned), socket.ended) == (2, [(4401, "expired")])


async def test_a_renewal_moves_the_end(callers: Callers) -> None:
    """The one before is forgotten; one without an end has none."""
    clock = FixedClock(NOW)
    with opened(callers, Principal(user=USER, key=KEY, expires=NOW + 0.02), clock) as socket:
        await anyio.sleep(0.01)
        assert socket.warned == [pytest.approx(0.02)]
        socket.access.take(LOGGED_IN)
        clock.time = NOW + 1
        await anyio.sleep(0.1)
        assert socket.ended == []


async def test_credentials_that_have_ended_meanwhile_end_at_once(callers: Callers) -> None:
    """A ticket outlives the token that it stands for."""
    with opened(callers, Principal(user=USER, session=LOGIN, expires=NOW)) as socket:
        await anyio.sleep(0.01)
        assert socket.ended == [(4401, "expired")]


async def test_a_socket_that_is_closed_has_no_timer(callers: Callers) -> None:
    """Nor does it count."""
    with opened(callers, ANONYMOUS, auth_seconds=0.01) as late:
        pass
    brief = Principal(user=USER, session=LOGIN, expires=NOW + 0.01)
    clock = FixedClock(NOW)
    with opened(callers, brief, clock) as expiring:
        pass
    clock.time = NOW + 1
    await anyio.sleep(0.05)
    callers.hear(Kind.LOGIN, LOGIN, NOW)
    assert late.ended == expiring.ended == []
    with opened(callers, LOGGED_IN), opened(callers, LOGGED_IN):
        pass


async def test_what_is_no_good_changes_nothing(callers: Callers) -> None:
    """Another user, or credentials with a fault."""
    with opened(callers, LOGGED_IN) as socket:
        with pytest.raises(Forbidden, match="another user"):
            socket.access.take(Principal(user=OTHER, session=LOGIN))
        with pytest.raises(Unauthenticated, match="swordfish"):
            socket.access.take(Principal(fault=Unauthenticated("swordfish")))
        assert socket.access.principal == LOGGED_IN
        socket.access.take(BY_KEY)
        callers.hear(Kind.LOGIN, LOGIN, NOW)
        assert socket.ended == []
        callers.hear(Kind.KEY, KEY, NOW)
        assert socket.ended == [(4401, "revoked")]


@pytest.mark.parametrize("is_developer", [True, False])
async def test_who_need_not_may_become_somebody(callers: Callers, is_developer: bool) -> None:
    """The user dev is nobody in particular."""
    with opened(callers, DEVELOPER if is_developer else GUEST) as socket:
        socket.access.take(LOGGED_IN)
        assert socket.access.standing is Standing.DONE


@pytest.mark.parametrize(
    ("kind", "subject", "ended"),
    [
        (Kind.LOGIN, LOGIN, "login"),
        (Kind.KEY, KEY, "key"),
        (Kind.USER, USER, "login key"),
        (Kind.USER, OTHER, ""),
    ],
)
async def test_what_is_revoked_ends_what_rests_on_it(
    callers: Callers, kind: Kind, subject: UUID, ended: str
) -> None:
    """And nothing else."""
    with (
        opened(callers, LOGGED_IN) as login,
        opened(callers, BY_KEY) as key,
        opened(callers, GUEST) as guest,
    ):
        callers.hear(kind, subject, NOW)
        sockets = {"login": login, "key": key, "guest": guest}
        assert [name for name, socket in sockets.items() if socket.ended] == ended.split()


async def test_a_caller_has_so_many_sockets(callers: Callers) -> None:
    """However they were opened; there is room again when one closes."""
    with opened(callers, LOGGED_IN):
        with opened(callers, BY_KEY) as second:
            with pytest.raises(Crowded), opened(callers, LOGGED_IN):
                pass
            second.access.take(LOGGED_IN)
            with opened(callers, Principal(user=OTHER, session=KEY)):
                pass
        with opened(callers, LOGGED_IN):
            pass


async def test_who_becomes_somebody_counts_there(callers: Callers) -> None:
    """And no longer for the address."""
    with opened(callers, GUEST) as first, opened(callers, GUEST) as second:
        with pytest.raises(Crowded), opened(callers, GUEST):
            pass
        first.access.take(LOGGED_IN)
        with opened(callers, GUEST) as third:
            second.access.take(LOGGED_IN)
            with pytest.raises(Crowded):
                third.access.take(LOGGED_IN)
            assert third.access.principal == GUEST
            # It still counts for the address, with one more.
            with opened(callers, GUEST), pytest.raises(Crowded), opened(callers, GUEST):
                pass
