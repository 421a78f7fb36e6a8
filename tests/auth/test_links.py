"""Links in mails: each is good once, for a while, and for one thing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.auth.people import PASSWORD, Person, Service, code, everything_stored, serving

HOUR = 3600.0
NEW = "another horse battery"
FORGOT = "/api/v1/auth/password/forgot"
RESET = "/api/v1/auth/password/reset"
VERIFY = "/api/v1/auth/email/verify"


@pytest.fixture
def person(service: Service) -> Person:
    """Somebody who has got the mail that everybody new gets."""
    person = service.person()
    service.mailbox.newest(person.address)
    return person


def forgotten(service: Service, person: Person, *, number: int = 2) -> str:
    """The token that comes to whoever says the password is forgotten."""
    answer = service.client.post(FORGOT, json={"email": person.address})
    assert (answer.status_code, answer.content) == (202, b"")
    return service.mailbox.token(person.address, number=number)


def reset(service: Service, token: str, password: str = NEW) -> str:
    """How it goes: a code, or nothing where it went well."""
    answer = service.client.post(RESET, json={"token": token, "password": password})
    return "" if answer.status_code == 204 else f"{answer.status_code} {code(answer)}"


def verify(service: Service, token: str) -> str:
    answer = service.client.post(VERIFY, json={"token": token})
    return "" if answer.status_code == 204 else f"{answer.status_code} {code(answer)}"


def test_a_link_verifies_the_address_once(service: Service, person: Person) -> None:
    """It comes with the registration."""
    token = service.mailbox.token(person.address)
    assert person.get("/auth/me")["verified_at"] is None
    assert verify(service, token) == ""
    assert person.get("/auth/me")["verified_at"] == service.clock.now()
    assert verify(service, token) == "422 bad_link"


def test_another_link_can_be_asked_for(service: Service, person: Person) -> None:
    """Both are good; it is no matter of security which one is used."""
    assert person.call("POST", "/auth/email/verification").status_code == 202
    assert verify(service, service.mailbox.token(person.address, number=2)) == ""


def test_a_link_to_verify_lasts_a_day(service: Service, person: Person) -> None:
    """To the second."""
    token = service.mailbox.token(person.address)
    service.clock.time += 24 * HOUR + 1
    assert verify(service, token) == "422 bad_link"


def test_a_forgotten_password_is_replaced_by_a_link(service: Service, person: Person) -> None:
    """All logins end, the link is used up, and a mail says that it happened."""
    phone = person.elsewhere()
    token = forgotten(service, person)
    assert reset(service, token) == ""
    assert not person.is_in()
    assert not phone.is_in()
    assert phone.try_refresh().status_code == 401
    assert person.try_log_in().status_code == 401
    assert person.try_log_in(NEW).status_code == 200
    assert reset(service, token) == "422 bad_link"
    assert "was changed" in service.mailbox.newest(person.address, number=3)


def test_a_link_to_reset_lasts_an_hour(service: Service, person: Person) -> None:
    """And is good until then."""
    early, late = forgotten(service, person), forgotten(service, person, number=3)
    service.clock.time += HOUR - 1
    assert reset(service, early) == ""
    late = forgotten(service, person, number=5)
    service.clock.time += HOUR + 1
    assert reset(service, late) == "422 bad_link"
    person.password = NEW
    person.log_in()


def test_a_weak_password_does_not_use_the_link_up(service: Service, person: Person) -> None:
    """Whoever chose it may choose another."""
    token = forgotten(service, person)
    assert reset(service, token, "short") == "422 weak_password"
    assert reset(service, token, person.address) == "422 weak_password"
    assert reset(service, token) == ""


def test_a_reset_makes_all_other_links_worthless(service: Service, person: Person) -> None:
    """They are still in the mailbox, into which somebody else may have looked."""
    first, second = forgotten(service, person), forgotten(service, person, number=3)
    assert reset(service, second) == ""
    assert reset(service, first) == "422 bad_link"


def test_so_does_a_change_of_the_password(service: Service, person: Person) -> None:
    """For the same reason."""
    token = forgotten(service, person)
    body = {"current": PASSWORD, "new": "a third horse battery"}
    assert person.call("PUT", "/auth/me/password", body).status_code == 204
    assert reset(service, token) == "422 bad_link"


def test_a_token_is_good_for_what_it_was_made_for(service: Service, person: Person) -> None:
    """And is still good for that after somebody tried it for something else."""
    to_verify, to_reset = service.mailbox.token(person.address), forgotten(service, person)
    ticket = person.call("POST", "/auth/ws-ticket").json()["ticket"]
    for token in (to_verify, ticket, person.access[:200], person.refresh_token, "\0"):
        assert reset(service, token) == "422 bad_link"
    for token in (to_reset, ticket, person.refresh_token):
        assert verify(service, token) == "422 bad_link"
    assert verify(service, to_verify) == ""
    assert reset(service, to_reset) == ""


def test_an_unknown_address_gets_the_same_answer_and_no_mail(
    service: Service, person: Person
) -> None:
    """So does that of a disabled user."""
    admin, disabled = service.admin(), service.person()
    service.mailbox.newest(disabled.address)
    admin.call("PATCH", f"/admin/users/{disabled.id}", {"is_disabled": True})
    answers = [
        service.client.post(FORGOT, json={"email": address})
        for address in ("nobody@example.com", disabled.address, person.address.upper())
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(202, b"")}
    # Mails are sent in order: what was to come ahead of this one would be here.
    service.mailbox.newest(person.address, number=2)
    assert service.mailbox.letters("nobody@example.com") == []
    assert len(service.mailbox.letters(disabled.address)) == 1


def test_the_tables_hold_no_link(service: Service, person: Person) -> None:
    """Whoever reads the database can't reset a password."""
    token = forgotten(service, person)
    assert token not in everything_stored(service.url)


def test_without_mail_nobody_promises_one(serve: Callable[..., Service]) -> None:
    """Known or not; what needs none works."""
    service = serve(mail_url=None)
    person = service.person()
    answers = [
        service.client.post(FORGOT, json={"email": person.address}),
        service.client.post(FORGOT, json={"email": "nobody@example.com"}),
        person.call("POST", "/auth/email/verification"),
    ]
    for answer in answers:
        assert (answer.status_code, code(answer)) == (503, "mail_unavailable")
    body = {"email": f"new-{person.address}", "password": PASSWORD}
    assert person.call("PATCH", "/auth/me", body).status_code == 200
    assert reset(service, "x") == "422 bad_link"


def test_a_link_works_after_mail_was_turned_off(database_url: str, tmp_path: Path) -> None:
    """The mail about the change is missing then, and nothing else."""
    with serving(database_url, tmp_path) as service:
        person = service.person()
        service.mailbox.newest(person.address)
        token = forgotten(service, person)
    with serving(database_url, tmp_path, mail_url=None) as service:
        assert reset(service, token) == ""
        assert Person(service.client, person.address, NEW).try_log_in().status_code == 200
