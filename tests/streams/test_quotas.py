"""How many sockets one may have."""

import pytest

from tests.streams.authority import Authority, bearer
from tests.streams.client import client
from tests.streams.conftest import Serve
from tests.streams.following import follow
from tests.streams.waiting import until
from tradeapi.database import Database
from tradeapi.streams.limits import Limits

pytestmark = pytest.mark.anyio

NOW = 1_700_000_000.0


async def test_a_user_has_so_many_sockets(serve: Serve, authority: Authority) -> None:
    """By whatever credentials; others are not hurt, and there is room when one leaves."""
    user = await authority.user()
    _, key = await authority.key(user)
    limits = Limits(connections_per_user=2)
    async with serve(limits, authority=authority) as served, client(served.url, **bearer(key)):
        async with client(served.url, **bearer(authority.token(user))) as second:
            await second.hear()
            async with client(served.url, **bearer(authority.token(user))) as third:
                assert await third.hear_refusal() == ("quota_sockets", 4429)
            async with client(served.url) as fourth:
                await fourth.hear()
                await fourth.say(op="auth", id=4, token=key)
                [error], code, _ = await fourth.hear_close()
                assert (error["code"], error["id"], code) == ("quota_sockets", 4, 4429)
            async with client(served.url, **bearer(authority.token())) as stranger:
                await follow(stranger, served)
        await until(lambda: len(served.hub.mailboxes) == 1)
        async with client(served.url, **bearer(key)) as fifth:
            await follow(fifth, served)


async def test_an_address_has_so_many_sockets_of_nobody(serve: Serve, place: Database) -> None:
    """One that has said whose it is leaves room."""
    authority = Authority(place, public_read=True)
    limits = Limits(connections_per_user=1)
    async with serve(limits, authority=authority) as served, client(served.url) as first:
        await first.hear()
        async with client(served.url) as second:
            assert await second.hear_refusal() == ("quota_sockets", 4429)
        await first.say(op="auth", token=authority.token())
        await first.hear_type("auth")
        async with client(served.url) as third:
            await follow(third, served)
