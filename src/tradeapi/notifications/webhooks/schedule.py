"""When a message that was not taken is sent again."""

import random

DAY = 24 * 3600.0
# After the first attempt, the second, and so on; together a little less than a day.
DELAYS = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 28_800.0, 28_800.0)
# Of each delay, so that what has failed together does not come back together.
JITTER = 0.1
# Somebody who asks us to wait longer is asked earlier all the same.
LONGEST_PATIENCE = 3600.0
# How long nothing at all may be taken until nothing is sent any more.
FAILING_SECONDS = DAY


def delay(attempts: int, asked: float = 0) -> float | None:
    """In seconds, after so many attempts; None: that was the last. `asked` is Retry-After."""
    if attempts > len(DELAYS):
        return None
    own = DELAYS[attempts - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  no secret
    return max(own, min(asked, LONGEST_PATIENCE))
