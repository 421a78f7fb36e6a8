"""What is mailed of notifications, as text and as HTML that says the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from tradeapi.mail import Mail, fit_for_header, fit_for_text
from tradeapi.notifications.models import Notification

# Of more there is only told how many.
MOST_LISTED = 50

_ITEM = "{title}\n{text}\n{time}\n"
_TEXT = """{intro}{items}{more}
--
All your notifications: {url}/notifications
To get no more of these mails: {url}/mail-off?token={token}
"""
_HTML_ITEM = "<li><p><strong>{title}</strong><br>{text}<br><small>{time}</small></p></li>"
_HTML = """<!DOCTYPE html>
<html>
<head><meta charset="utf-8"><title>{subject}</title></head>
<body>
<p>{intro}</p>
<ul>
{items}
</ul>
<p>{more}</p>
<p><small><a href="{url}/notifications">All your notifications</a> &middot;
<a href="{url}/mail-off?token={token}">Get no more of these mails</a></small></p>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who gets it; `url` is where our pages are, and `token` turns the mails off."""

    address: str
    zone: ZoneInfo
    url: str
    token: str


def notices(reader: Reader, told: Sequence[Notification], count: int) -> Mail:
    """Of some, the oldest first; `count` are all of which it tells."""
    subject = _title(told[0]) if count == 1 else f"{count} notifications"
    return _mail(reader, subject, "", told, count)


def digest(reader: Reader, told: Sequence[Notification], count: int) -> Mail:
    """The same of what came since the last one, the newest first."""
    things = "notification" if count == 1 else "notifications"
    subject = f"Your day: {count} {things}"
    return _mail(reader, subject, "What you were told since the last digest:", told, count)


def _mail(
    reader: Reader, subject: str, intro: str, told: Sequence[Notification], count: int
) -> Mail:
    left = count - len(told)
    more = f"And {left} more." if left else ""
    parts = [(_title(one), one.text, _time(one.time, reader.zone)) for one in told]
    links = {"url": reader.url, "token": reader.token}
    text = _TEXT.format(
        intro=f"{intro}\n\n" if intro else "",
        items="\n".join(_ITEM.format(title=a, text=b, time=c) for a, b, c in parts),
        more=f"\n{more}\n" if more else "",
        **links,
    )
    html = _HTML.format(
        subject=escape(subject),
        intro=escape(intro),
        items="\n".join(_html_item(*part) for part in parts),
        more=more,
        **{name: escape(value) for name, value in links.items()},
    )
    return Mail(reader.address, fit_for_header(subject), fit_for_text(text), fit_for_text(html))


def _html_item(title: str, text: str, time: str) -> str:
    lines = escape(text).replace("\n", "<br>")
    return _HTML_ITEM.format(title=escape(title), text=lines, time=escape(time))


def _title(told: Notification) -> str:
    return f"Test: {told.title}" if told.is_test else told.title


def _time(instant: float, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(instant, zone):%Y-%m-%d %H:%M %Z}"
