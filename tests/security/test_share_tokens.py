"""Share tokens: never access tokens, nor the other way round; the rest is as of those."""

from uuid import UUID

import pytest

from tests.security.signing import SECRET, forged, key_for, mac, parts, private_pem, signer, tokens
from tests.security.signing import share_tokens as shares
from tradeapi.errors import Invalid, Unauthenticated
from tradeapi.security.secrets import Secrets
from tradeapi.security.share_tokens import DAY, MOST_DAYS, ShareTokens

NOW = 1_700_000_000.1234
OWNER = UUID("018bcfe5-687b-7a34-b6d1-8568292d7fe5")
CHARTS = ("b", "a chart")

(KEY,) = Secrets(SECRET).derive("access tokens")


def issued(days: float = 1, both: ShareTokens | None = None) -> str:
    return (both or shares()).issue(owner=OWNER, charts=CHARTS, days=days, now=NOW)[0]


def assert_refused(token: str, now: float = NOW) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        shares().read(token, now)
    assert (refusal.value.code, str(refusal.value)) == (
        "unauthenticated",
        "The share token is no good.",
    )


@pytest.mark.parametrize("algorithm", ["HS256", "ES256", "RS256"])
def test_what_is_issued_is_read(algorithm: str) -> None:
    """By whichever key access tokens are signed with."""
    both = shares(pem=None if algorithm == "HS256" else private_pem(key_for(algorithm)))
    token, claims = both.issue(owner=OWNER, charts=CHARTS, days=1, now=NOW)
    assert both.read(token, NOW) == claims
    assert claims.owner == OWNER
    assert claims.charts == {"a chart", "b"}
    assert (claims.issued, claims.expires) == (1_700_000_000.123, 1_700_086_400.123)
    header, payload = parts(token)
    assert header == {"alg": algorithm, "typ": "share+jwt", "kid": header["kid"]}
    assert payload == {
        "iss": "tradeapi",
        "aud": "tradeapi/shares",
        "sub": str(OWNER),
        "jti": str(claims.id),
        "iat": claims.issued,
        "nbf": claims.issued,
        "exp": claims.expires,
        "chart_ids": ["a chart", "b"],
    }


def test_neither_is_ever_taken_for_the_other() -> None:
    """Even where the type alone, or all but the type, is the other's."""
    access = tokens().issue(subject=OWNER, session=OWNER, scopes=["read"], now=NOW).token
    share = issued()
    assert shares().is_share(share)
    assert not shares().is_share(access)
    for one, other in ((access, share), (share, access)):
        header, payload = parts(one)
        other_header, other_payload = parts(other)
        for mixture in (
            one,
            forged(other_header, payload, mac(KEY)),
            forged(other_header, {**other_payload, **payload}, mac(KEY)),
            forged(header, other_payload, mac(KEY)),
        ):
            if mixture is not share:
                assert_refused(mixture)
            if mixture is not access:
                with pytest.raises(Unauthenticated):
                    tokens().read(mixture, NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "tradeapi"},
        {"iss": "another"},
        {"sub": "root"},
        {"jti": "7"},
        {"chart_ids": "a chart"},
        {"chart_ids": [1]},
        {"chart_ids": None},
        {"exp": "1700000900"},
        {"iat": NOW + 60},
        {"nbf": NOW + 60},
    ],
    ids=str,
)
def test_claims_that_are_not_ours(change: dict[str, object]) -> None:
    """Signed with our key all the same."""
    header, payload = parts(issued())
    assert_refused(forged(header, {**payload, **change}, mac(KEY)))


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "jti", "iat", "nbf", "exp", "chart_ids"])
def test_every_claim_is_needed(name: str) -> None:
    header, payload = parts(issued())
    del payload[name]
    assert_refused(forged(header, payload, mac(KEY)))


def test_a_stranger_signs_none() -> None:
    """Nor does nobody, nor another algorithm."""
    header, payload = parts(issued())
    assert_refused(forged(header, payload, mac(b"another secret that is long enough")))
    assert_refused(forged({**header, "alg": "none"}, payload, lambda _: b""))
    stranger = signer(private_pem(key_for("ES256")), "ES256")
    assert_refused(forged({**header, "alg": "ES256"}, payload, stranger))
    assert_refused(issued() + "x")


def test_a_token_expires() -> None:
    """To the millisecond."""
    token = issued(MOST_DAYS)
    end = round(NOW + MOST_DAYS * DAY, 3)
    assert shares().read(token, end - 0.001).owner == OWNER
    with pytest.raises(Unauthenticated) as refusal:
        shares().read(token, end)
    assert refusal.value.code == "token_expired"


def test_the_clocks_of_our_machines_may_differ() -> None:
    """By some seconds."""
    assert shares().read(issued(), NOW - 9).owner == OWNER
    assert_refused(issued(), now=NOW - 11)


@pytest.mark.parametrize("days", [0, -1, MOST_DAYS + 0.001, float("inf"), float("nan")])
def test_nothing_is_shared_for_ever(days: float) -> None:
    """Nor for no time."""
    with pytest.raises(Invalid):
        issued(days)


@pytest.mark.parametrize("charts", [(), ["x" * 5000], list(map(str, range(1000)))])
def test_a_token_names_some_charts(charts: list[str]) -> None:
    """As many as there is room for: what could not be read is not handed out."""
    with pytest.raises(Invalid):
        shares().issue(owner=OWNER, charts=charts, days=1, now=NOW)


def test_a_new_key_ends_no_share() -> None:
    """As long as the former one is listed."""
    token = issued(both=shares("a former secret of the tests, long enough"))
    former = shares(former=("a former secret of the tests, long enough",))
    assert former.read(token, NOW).owner == OWNER
    assert_refused(token)
