"""Machines whose clocks differ: nobody is locked out by it, and nothing that has ended lives on."""

from uuid import UUID

import pytest

from tests.streams.authority import Authority
from tradeapi.auth.audit import OPERATOR
from tradeapi.auth.logins import Lifetimes, Logins
from tradeapi.auth.models import User
from tradeapi.auth.revocations import Kind
from tradeapi.clock import FixedClock
from tradeapi.database import Database
from tradeapi.errors import Unauthenticated
from tradeapi.web.principal import Scope

NOW = 1_700_000_000.0
SKEW = 8.0
READ = frozenset({Scope.READ})


async def logged_in(authority: Authority, user: UUID) -> str:
    """The access token of a new login."""
    logins = Logins(
        authority.database,
        authority.tokens,
        authority.revocations,
        authority.clock,
        Lifetimes(idle=3600, whole=3600),
    )
    async with authority.database.transaction() as session:
        found = await session.get_one(User, user)
        return (await logins.begin(session, found, READ, OPERATOR)).access_token


@pytest.fixture
def behind(database: Database) -> Authority:
    return Authority(database, FixedClock(NOW))


@pytest.fixture
def ahead(database: Database) -> Authority:
    """Another process, on another machine."""
    return Authority(database, FixedClock(NOW + SKEW))


async def test_what_is_handed_out_after_a_change_is_good(
    behind: Authority, ahead: Authority
) -> None:
    """Though the change is later than that by the clock of whoever made it; what was handed out
    before is not."""
    user = await behind.user()
    former = await logged_in(behind, user)
    _, key = await behind.key(user)
    assert (await behind.authenticator.read_key(key, "")).user == user
    await ahead.revoke(Kind.USER, user)
    await behind.revocations.look()
    _, other = await behind.key(user)
    token = await logged_in(behind, user)
    for authority in (behind, ahead):
        assert authority.authenticator.read_token(token).user == user
        for text in (key, other):
            assert (await authority.authenticator.read_key(text, "")).user == user
        with pytest.raises(Unauthenticated):
            authority.authenticator.read_token(former)


async def test_a_key_that_was_revoked_is_not_good_for_all_that(
    behind: Authority, ahead: Authority
) -> None:
    """Whatever else is heard of its user."""
    user = await behind.user()
    id, key = await behind.key(user)
    await ahead.revoke(Kind.USER, user)
    await ahead.revoke(Kind.KEY, id)
    await behind.revocations.look()
    with pytest.raises(Unauthenticated):
        await behind.authenticator.read_key(key, "")


async def test_a_later_change_is_news(behind: Authority, ahead: Authority) -> None:
    """Though by the clock of whoever makes it, it is earlier than the last one."""
    user = await behind.user()
    heard: list[tuple[Kind, UUID]] = []
    ahead.revocations.listen(lambda kind, subject, _: heard.append((kind, subject)))
    await ahead.revoke(Kind.USER, user)
    await behind.revocations.look()
    token = await logged_in(behind, user)
    assert ahead.authenticator.read_token(token).user == user
    await behind.revoke(Kind.USER, user)
    await ahead.revocations.look()
    assert heard == [(Kind.USER, user)] * 2
    for authority in (behind, ahead):
        with pytest.raises(Unauthenticated):
            authority.authenticator.read_token(token)
