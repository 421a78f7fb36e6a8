"""Access tokens that are no good, made of one that is."""

import json

from tests.auth.people import Person, Service
from tests.security.signing import encoded, forged, mac, parts
from tradeapi.security.secrets import Secrets


def signed(service: Service, person: Person, **claims: object) -> str:
    """A token as ours, but for these claims; None leaves one out."""
    header, payload = parts(person.access)
    changed = {name: value for name, value in (payload | claims).items() if value is not None}
    key = Secrets.of(service.settings).derive("access tokens")[0]
    return forged(header, changed, mac(key))


def expired(service: Service, person: Person) -> str:
    return signed(service, person, exp=service.clock.now() - 1)


def revoked(_: Service, person: Person) -> str:
    other = person.elsewhere()
    other.call("POST", "/auth/logout")
    return other.access


def tampered(_: Service, person: Person) -> str:
    header, _payload, signature = person.access.split(".")
    payload = parts(person.access)[1] | {"scope": "admin ingest read write"}
    return f"{header}.{encoded(json.dumps(payload).encode())}.{signature}"


def unsigned(_: Service, person: Person) -> str:
    header, payload = parts(person.access)
    return forged(header | {"alg": "none"}, payload, lambda _: b"")


def with_another_audience(service: Service, person: Person) -> str:
    return signed(service, person, aud="elsewhere")


def with_another_key(_: Service, person: Person) -> str:
    header, payload = parts(person.access)
    return forged(header, payload, mac(b"a secret of somebody else, that is long enough"))


def with_an_unknown_key(service: Service, person: Person) -> str:
    header, payload = parts(person.access)
    key = Secrets.of(service.settings).derive("access tokens")[0]
    return forged(header | {"kid": "0" * 16}, payload, mac(key))


def from_the_future(service: Service, person: Person) -> str:
    return signed(service, person, nbf=service.clock.now() + 60)


def without_a_subject(service: Service, person: Person) -> str:
    return signed(service, person, sub=None)
