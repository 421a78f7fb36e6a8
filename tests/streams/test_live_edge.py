"""What is announced of a change, bar by bar, and a watch that puts changes in order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeapi.market.calendars.calendar import Continuous
from tradeapi.market.events import BarChange, Changed, Kind, Quote
from tradeapi.market.live.live_edge import LiveEdge
from tradeapi.market.live.watch import State, Watch
from tradeapi.market.symbols.directory import Listing

NOTHING = Quote(
    last=None,
    time=None,
    day=None,
    open=None,
    high=None,
    low=None,
    volume=None,
    previous_close=None,
    is_intraday=False,
)


def change(kind: Kind, time: int, price: float = 1) -> BarChange:
    return BarChange(kind, time, price, price, price, price, price)


def told(edge: LiveEdge, *changes: BarChange) -> list[tuple[str, int, float, bool]]:
    return [
        (type, bar[0], bar[1], final)
        for change in changes
        for type, bar, final in edge.apply(change)
    ]


def at(time: int, *, is_closed: bool = False) -> LiveEdge:
    return LiveEdge(change("bar", time)[1:], is_closed=is_closed)


def test_a_newer_bar_closes_the_one_before_it() -> None:
    """Also when nobody said so."""
    assert told(at(60), change("bar", 120, 2)) == [("bar", 60, 1, True), ("bar", 120, 2, False)]


def test_a_bar_is_final_once() -> None:
    """The writer's last word after the clock's adds nothing, unless it is another."""
    edge = at(60)
    assert [final for _, _, final in edge.close()] == [True]
    assert list(edge.close()) == []
    assert told(edge, change("final", 60)) == []
    assert told(edge, change("final", 60, 2)) == [("revise", 60, 2, True)]
    assert told(edge, change("bar", 60, 3)) == [("revise", 60, 3, True)]


def test_an_older_bar_is_revised() -> None:
    """A chart takes it as a change of what it has."""
    assert told(at(120), change("revise", 60, 2)) == [("revise", 60, 2, True)]


def test_the_first_bar_of_an_empty_series() -> None:
    """Nothing has to be closed before it."""
    edge = LiveEdge(None, is_closed=True)
    assert told(edge, change("bar", 60)) == [("bar", 60, 1, False)]


def test_what_has_not_changed_is_not_told() -> None:
    """Reading again finds mostly what is known."""
    assert told(at(60), change("bar", 60)) == []


changes = st.lists(
    st.builds(
        change,
        st.sampled_from(["bar", "final", "revise"]),
        st.integers(0, 5),
        st.integers(1, 3),
    )
)


@given(changes, st.lists(st.booleans()))
def test_whatever_comes_charts_can_apply_it(run: list[BarChange], closings: list[bool]) -> None:
    """Bars never go back, are final once, and only then are revised or followed."""
    edge = at(2)
    newest, finals = 2, set[int]()
    for number, one in enumerate(run):
        announcements = list(edge.apply(one))
        if closings[number : number + 1] == [True]:
            announcements += edge.close()
        for type, bar, final in announcements:
            time = bar[0]
            if type == "revise":
                assert final
                assert time < newest or newest in finals
            else:
                assert time == newest or (time > newest and newest in finals)
                assert time not in finals
                newest = time
                finals |= {time} if final else set()


class Log:
    """A follower that remembers what it was told."""

    def __init__(self) -> None:
        self.versions: list[int] = []

    def apply(self, change: Changed) -> None:
        self.versions.append(change.version)

    def settle(self, state: State) -> None:
        self.versions.append(state.version)

    async def catch_up(self) -> None: ...

    def tick(self, now: float) -> None: ...

    def reset(self) -> None: ...


class Failing(Log):
    """A follower with a fault."""

    def apply(self, change: Changed) -> None:
        raise ArithmeticError(change.version)

    def settle(self, state: State) -> None:
        raise ArithmeticError(state.version)


def news(version: int) -> Changed:
    return Changed(symbol_id=1, symbol="X:Y", version=version, revision=0, updated=0, quote=NOTHING)


def state(version: int) -> State:
    return State(epoch="e", version=version, revision=0, updated=0, quote=NOTHING)


@pytest.fixture
def watch() -> Watch:
    listing = Listing(
        id=1,
        symbol="X:Y",
        exchange="X",
        ticker="Y",
        name="",
        type="stock",
        currency="USD",
        sector=None,
        tick_size=None,
        basis="raw",
        extended_hours=False,
        listed_from=None,
        listed_to=None,
        version=1,
        own_calendar=None,
        calendar=Continuous(),
    )
    return Watch(listing)


def test_news_in_any_order_is_applied_in_order(watch: Watch) -> None:
    """Early news waits, old and repeated news is dropped."""
    log = Log()
    watch.followers[log] = None
    watch.settle(state(4))
    heard = [watch.hear(news(version)) for version in (3, 6, 6, 5, 5, 9, 8, 7)]
    assert heard == [False, True, True, False, False, True, True, False]
    assert log.versions == [4, 5, 6, 7, 8, 9]


def test_news_before_the_first_state_waits_for_it(watch: Watch) -> None:
    """A watch listens before it reads, so that nothing falls in between."""
    log = Log()
    watch.followers[log] = None
    for version in (5, 4, 6):
        watch.hear(news(version))
    watch.settle(state(4))
    assert log.versions == [4, 5, 6]
    assert [one.version for one in watch.since(4) or ()] == [5, 6]
    assert watch.since(3) is None


def test_what_was_read_need_not_be_heard(watch: Watch) -> None:
    """After catching up by reading, older news is dropped and newer news applied."""
    log = Log()
    watch.followers[log] = None
    watch.settle(state(1))
    for version in (4, 8):
        watch.hear(news(version))
    watch.settle(state(7))
    watch.settle(state(5))
    assert log.versions == [1, 7, 8]
    assert watch.hear(news(8)) is False
    assert watch.since(1) is None


def test_too_much_news_out_of_order_is_bounded(watch: Watch) -> None:
    """What is dropped is found by reading."""
    watch.settle(state(0))
    for version in range(2, 2000):
        assert watch.hear(news(version))
    watch.settle(state(1990))
    assert watch.version == 1999


def test_a_follower_that_fails_keeps_nothing_from_the_others(watch: Watch) -> None:
    """Neither the change at which it fails nor those after it, whoever came first."""
    before, after = Log(), Log()
    for follower in (before, Failing(), after):
        watch.followers[follower] = None
    watch.settle(state(0))
    for version in (2, 1, 3):
        watch.hear(news(version))
    assert before.versions == after.versions == [0, 1, 2, 3]
