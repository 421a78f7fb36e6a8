"""How far a topic has come, as one number that is the same in every process.

The database counts the versions of what a topic announces. A position is a version and a place in
it, so a client may go on in another process, or after a restart, from where it stopped. The frames
that lead to a version are counted from the last one, which has the place WHOLE: whoever has it, has
all of the version. CLOSED stands for the whole version and the end of its newest bar besides, which
time brings and no version.

Clients know a position as `seq`. It stays below 2**53, so JavaScript can count it.
"""

PLACES = 1024
WHOLE, CLOSED = 1022, 1023
# A version can't be told in more frames than that.
MOST_FRAMES = WHOLE + 1


def position(version: int, place: int = WHOLE) -> int:
    return version * PLACES + place


def is_whole(seq: int) -> bool:
    """Whether nothing of its version is missing at the position."""
    return seq % PLACES >= WHOLE
