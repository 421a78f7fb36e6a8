"""Who has sockets open here: so many each, and none for longer than what they rest on."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from tradeapi.auth.revocations import Kind
from tradeapi.errors import Forbidden

Name = UUID | str


class Crowded(Forbidden):
    """A caller has as many sockets as one may."""

    code = "quota_sockets"


class Place(Protocol):
    """One socket."""

    def revoke(self) -> None:
        """What it rests on has ended."""
        ...


class Callers:
    """The sockets by all their names: of users, logins and keys, or else of addresses.

    The first name is whom a socket counts for; `most` is how many that may be.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._names: dict[Place, Sequence[Name]] = {}
        self._places: dict[Name, dict[Place, None]] = {}

    def place(self, place: Place, names: Sequence[Name]) -> None:
        """Know the socket by these names only; raises Crowded, and then by those it had."""
        counted = self._places.get(names[0], {})
        if len(counted) >= self._most and place not in counted:
            raise Crowded(f"More than {self._most} sockets of one caller; close one.")
        self.remove(place)
        self._names[place] = names
        for name in names:
            self._places.setdefault(name, {})[place] = None

    def remove(self, place: Place) -> None:
        for name in self._names.pop(place, ()):
            places = self._places[name]
            del places[place]
            if not places:
                del self._places[name]

    def hear(self, _: Kind, subject: UUID, __: float) -> None:
        """End the sockets that rest on what was revoked; no id is of two kinds.

        News of a user end all of theirs, also one that was authenticated anew just before we heard.
        """
        for place in tuple(self._places.get(subject, ())):
            place.revoke()
