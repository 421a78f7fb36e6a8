"""A POST that comes with a key is carried out once: twins, faults, crashes, and time."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import text

from tests.shell.conftest import plain_log  # noqa: F401  drawing tracebacks takes seconds
from tests.web.idempotency_callers import (
    LOGIN,
    NOW,
    REPLAYED,
    Caller,
    change,
    count,
    log_in,
    outcome,
    process,
    rows,
    served,
)
from tests.web.idempotency_probe import Stage
from tradeapi.clock import FixedClock
from tradeapi.web.claims import KEPT_SECONDS, MOST_FORGOTTEN, MOST_KEPT, MOST_KEPT_BYTES


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def caller(database_url: str, clock: FixedClock, stage: Stage) -> Iterator[Caller]:
    """Somebody who is logged in, on SQLite and on PostgreSQL."""
    with served(database_url, clock, stage) as caller:
        yield caller


@pytest.mark.parametrize(
    ("fault", "status"), [("refuse", 409), ("crash", 500), ("nonsense", 500), ("stream", 500)]
)
def test_after_an_error_the_key_is_free(
    caller: Caller, database_url: str, fault: str, status: int
) -> None:
    """Nothing was made. An answer that can't be written is one: the commit comes after it."""
    assert caller.post(fault=fault).status_code == status
    assert count(database_url, "exchanges") == 0
    again = caller.post()
    assert again.status_code == 201
    assert REPLAYED not in again.headers
    assert count(database_url, "exchanges") == 1


def test_an_error_that_is_returned_is_not_kept(caller: Caller, database_url: str) -> None:
    """The handler has decided what of its work stays."""
    assert caller.post(fault="error").status_code == 409
    assert REPLAYED not in caller.post().headers
    assert count(database_url, "exchanges") == 2


def test_a_crash_after_the_commit(caller: Caller, database_url: str) -> None:
    """The caller was told of a fault, but it was done: the answer that was missed comes now."""
    assert caller.post(fault="late-crash").status_code == 500
    again = caller.post()
    assert again.status_code == 201
    assert again.headers[REPLAYED] == "true"
    assert rows(database_url, "SELECT code FROM exchanges") == [(again.json()["code"],)]


@pytest.mark.parametrize(("fault", "is_done"), [("die", False), ("late-die", True)])
def test_a_process_that_is_killed(
    database_url: str, tmp_path: Path, fault: str, is_done: bool
) -> None:
    """Before the commit nothing has happened; after it the next process has the answer."""
    with process(database_url, tmp_path) as client:
        caller = log_in(client)
        with pytest.raises(httpx2.TransportError):
            caller.post(fault=fault)
    assert count(database_url, "exchanges") == is_done
    with process(database_url, tmp_path) as client:
        again = log_in(client).post()
    assert again.status_code == 201
    assert (REPLAYED in again.headers) is is_done
    assert rows(database_url, "SELECT code FROM exchanges") == [(again.json()["code"],)]


def test_a_twin_is_sent_away(postgres_url: str, stage: Stage) -> None:
    """It may come again when the first has been answered; other keys do not wait."""
    with served(postgres_url, stage=stage) as caller, ThreadPoolExecutor() as threads:
        first = threads.submit(caller.post, fault="hold")
        assert stage.entered.wait(10)
        refused = caller.post()
        assert outcome(refused) == (409, "idempotency_in_flight")
        assert refused.headers["retry-after"] == "1"
        assert caller.post(key="other").status_code == 201
        stage.released.set()
        assert caller.post(key="other").headers[REPLAYED] == "true"
        assert first.result().content == caller.post().content


def test_a_twin_waits_on_sqlite(sqlite_url: str, stage: Stage) -> None:
    """Like every writer; then it finds what the first was answered."""
    with served(sqlite_url, stage=stage) as caller, ThreadPoolExecutor() as threads:
        first = threads.submit(caller.post, fault="hold")
        assert stage.entered.wait(10)
        second = threads.submit(caller.post)
        stage.released.set()
        assert second.result().content == first.result().content
        assert second.result().headers[REPLAYED] == "true"


def test_twenty_at_once_make_one(caller: Caller, database_url: str) -> None:
    """All who get an answer get the same one; the others may ask again."""
    with ThreadPoolExecutor(20) as threads:
        answers = [one.result() for one in [threads.submit(caller.post) for _ in range(20)]]
    made = [answer for answer in answers if answer.status_code == 201]
    others = [outcome(answer) for answer in answers if answer.status_code != 201]
    assert len({answer.content for answer in made}) == 1
    assert sum(REPLAYED not in answer.headers for answer in made) == 1
    assert set(others) <= {(409, "idempotency_in_flight")}
    assert count(database_url, "exchanges") == 1
    assert count(database_url, "kept_answers") == 1


def test_the_table_has_the_last_word(postgres_url: str) -> None:
    """Where no lock has kept a twin away, the slower of the two is taken back."""
    with served(postgres_url) as caller:
        refused = caller.post(fault="twin")
    assert outcome(refused) == (409, "idempotency_in_flight")
    assert refused.headers["retry-after"] == "1"
    assert count(postgres_url, "exchanges") == 0


def test_another_process_gives_the_answer(database_url: str) -> None:
    """What was kept is in the database alone."""
    with served(database_url) as caller:
        first = caller.post()
    with served(database_url) as caller:
        second = caller.post()
    assert first.content == second.content
    assert second.headers[REPLAYED] == "true"


def test_a_key_is_forgotten_after_a_day(
    caller: Caller, clock: FixedClock, database_url: str
) -> None:
    """To the second; then it may be used for anything."""
    caller.post()
    clock.time = NOW + KEPT_SECONDS - 1
    assert log_in(caller.client).post().headers[REPLAYED] == "true"
    clock.time = NOW + KEPT_SECONDS
    later = log_in(caller.client)
    assert REPLAYED not in later.post(body=b"{}").headers
    assert later.post(body=b"{}").headers[REPLAYED] == "true"
    assert count(database_url, "exchanges") == 2
    assert count(database_url, "kept_answers") == 1


def test_a_request_forgets_no_more_than_it_may(caller: Caller, database_url: str) -> None:
    """Each answer that is kept pushes out some of those that are too old, and no others."""
    caller.post(key="young")
    old = text(
        "INSERT INTO kept_answers (name, user_id, fingerprint, sealed, expires_at) "
        "SELECT :name, user_id, '', sealed, :expired FROM kept_answers LIMIT 1"
    )
    expired: dict[str, object] = {"expired": NOW}
    change(database_url, old, [{"name": uuid4().hex, **expired} for _ in range(MOST_FORGOTTEN + 5)])
    caller.post()
    assert count(database_url, "kept_answers") == 5 + 2
    caller.post()
    assert count(database_url, "kept_answers") == 5 + 2
    caller.post(key="next")
    assert count(database_url, "kept_answers") == 3
    assert caller.post(key="young").headers[REPLAYED] == "true"


def test_beyond_so_many_the_oldest_answers_go(caller: Caller, database_url: str) -> None:
    """Those of the same user: what others are kept stays."""
    log_in(caller.client, "eve@example.com").post()
    caller.post()
    _keep_older(database_url, [b""] * MOST_KEPT)
    caller.post(key="next")
    assert count(database_url, "kept_answers") == MOST_KEPT + 1
    assert count(database_url, "kept_answers WHERE name = 'older-0'") == 1
    assert count(database_url, f"kept_answers WHERE name = 'older-{MOST_KEPT - 1}'") == 0
    for key in ("a-key", "next"):
        assert caller.post(key=key).headers[REPLAYED] == "true"


def test_beyond_so_many_bytes_the_oldest_answers_go(caller: Caller, database_url: str) -> None:
    """However few they are."""
    caller.post()
    _keep_older(database_url, [b" " * (MOST_KEPT_BYTES // 3)] * 4)
    caller.post(key="next")
    assert count(database_url, "kept_answers") == 2 + 2
    assert count(database_url, "kept_answers WHERE name IN ('older-0', 'older-1')") == 2
    for key in ("a-key", "next"):
        assert caller.post(key=key).headers[REPLAYED] == "true"


def test_answers_go_with_their_user(caller: Caller, database_url: str) -> None:
    """Whoever deletes an account leaves none behind."""
    caller.post()
    gone = caller.client.request(
        "DELETE", "/api/v1/auth/me", json={"password": LOGIN}, headers=caller.headers
    )
    assert gone.status_code == 204
    assert count(database_url, "kept_answers") == 0


def test_answers_outlive_a_change_of_the_secret(sqlite_url: str) -> None:
    """While the old one is listed; afterwards the answer is lost, but nothing is made twice."""
    old, new = "an old secret, long enough for its job", "a new secret, long enough for its job"
    with served(sqlite_url, secret_key=old) as caller:
        first = caller.post()
    with served(sqlite_url, secret_key=new, previous_secret_keys=(old,)) as caller:
        assert caller.post().content == first.content
    with served(sqlite_url, secret_key=new) as caller:
        assert outcome(caller.post()) == (409, "idempotency_lost")
    assert count(sqlite_url, "exchanges") == 1


def test_an_answer_is_good_in_its_own_row_only(caller: Caller, database_url: str) -> None:
    """Whoever can write to the database can't have one caller told what another was."""
    caller.post()
    log_in(caller.client, "eve@example.com").post()
    (one, its), (other, others) = rows(database_url, "SELECT name, sealed FROM kept_answers")
    swap = text("UPDATE kept_answers SET sealed = :sealed WHERE name = :name")
    change(database_url, swap, [{"name": one, "sealed": others}, {"name": other, "sealed": its}])
    assert outcome(caller.post()) == (409, "idempotency_lost")


def _keep_older(url: str, answers: Sequence[bytes]) -> None:
    """Ada's, each older than the one before."""
    older = text(
        "INSERT INTO kept_answers (name, user_id, fingerprint, sealed, expires_at) "
        "SELECT :name, user_id, '', :sealed, :at FROM kept_answers "
        "WHERE user_id = (SELECT id FROM users WHERE email = 'ada@example.com') LIMIT 1"
    )
    change(
        url,
        older,
        [
            {"name": f"older-{number}", "sealed": answer, "at": NOW + KEPT_SECONDS - 1 - number}
            for number, answer in enumerate(answers)
        ],
    )
