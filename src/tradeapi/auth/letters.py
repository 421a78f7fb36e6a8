"""What we write to users; `url` is where the pages are that links lead to."""

from tradeapi.mail import Mail

VERIFY = """Somebody, probably you, uses this address at {url}.

To confirm that it is yours:

{url}/verify-email?token={token}

The link is good for a day, and once. If it was not you there is nothing to do.
"""
RESET = """Somebody, probably you, has forgotten the password of this address at {url}.

To choose a new one:

{url}/reset-password?token={token}

The link is good for an hour, and once. If it was not you there is nothing to do.
"""
CHANGED = """The password of your account at {url} was changed, and all other logins have ended.

If it was not you, choose a new one: {url}/forgot-password
"""
MOVED = """Your account at {url} has another address now, and mail goes there.

If it was not you, tell those who run it: whoever did this knew your password.
"""


def verification(address: str, url: str, token: str) -> Mail:
    return Mail(address, "Please confirm your address", VERIFY.format(url=url, token=token))


def reset(address: str, url: str, token: str) -> Mail:
    return Mail(address, "Choose a new password", RESET.format(url=url, token=token))


def changed(address: str, url: str) -> Mail:
    return Mail(address, "Your password was changed", CHANGED.format(url=url))


def moved(former: str, url: str) -> Mail:
    return Mail(former, "Your address was changed", MOVED.format(url=url))
