"""Webhooks over HTTP: made, changed, tried, and never shown with their secret again."""

from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx2
import orjson
import pytest
from anyio.from_thread import start_blocking_portal
from standardwebhooks import Webhook as Signer

from tests.auth.people import (
    NOON,
    Person,
    Service,
    code,
    eventually,
    everything_stored,
    pages,
    sql,
)
from tests.notifications.errands import Queue
from tests.notifications.receiver import receiving
from tradeapi.notifications.webhooks.signing import OVERLAP_SECONDS

URL = "https://hooks.example.com/prices?token=1"
Json = dict[str, Any]


def make(person: Person, **fields: object) -> Json:
    answer = person.call("POST", "/webhooks", {"url": URL, **fields})
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


def patch(person: Person, id: str, etag: str | None = None, **fields: object) -> httpx2.Response:
    headers = {"if-match": etag} if etag else {}
    return person.call("PATCH", f"/webhooks/{id}", fields, headers=headers)


@pytest.fixture
def mine(service: Service) -> Person:
    return service.person()


def test_a_webhook_is_made_and_read(mine: Person) -> None:
    """Its secret is in the first answer and nowhere else."""
    made = make(mine, description="the bot", types=["alert.fired", "alert.fired"])
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert len(b64decode(secret.removeprefix("whsec_"))) == 32
    assert made == {
        "id": made["id"],
        "url": URL,
        "description": "the bot",
        "types": ["alert.fired"],
        "is_enabled": True,
        "disabled_at": None,
        "disabled_reason": None,
        "failing_since": None,
        "previous_secret_until": None,
        "version": 1,
        "created_at": NOON,
        "updated_at": NOON,
    }
    answer = mine.call("GET", f"/webhooks/{made['id']}")
    assert answer.json() == made
    assert answer.headers["cache-control"] == "no-store"
    assert mine.get("/webhooks")["items"] == [made]


def test_the_secret_is_stored_encrypted(service: Service, mine: Person) -> None:
    """Nor is it in the export, where the webhook is."""
    made = make(mine)
    stored = everything_stored(service.url)
    assert made["id"].replace("-", "") in stored.replace("-", "")
    assert made["secret"].removeprefix("whsec_") not in stored
    (exported,) = mine.get("/auth/me/export")["webhooks"]
    assert (exported["id"], exported["url"]) == (made["id"], URL)
    assert "secret" not in exported


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/",
        "https://localhost/",
        "https://example.com:22/",
        "https://a:b@example.com/",
        "ftp://example.com/",
    ],
)
def test_urls_that_are_refused(mine: Person, url: str) -> None:
    """When it is made, and when it is changed."""
    id = make(mine)["id"]
    for answer in (mine.call("POST", "/webhooks", {"url": url}), patch(mine, id, url=url)):
        assert (answer.status_code, code(answer)) == (422, "url_not_allowed")
        assert answer.json()["errors"][0]["pointer"] == "/url"
    assert mine.get(f"/webhooks/{id}")["url"] == URL


@pytest.mark.parametrize(
    "fields",
    [
        {"url": ""},
        {"url": "https://example.com/" + "x" * 2000},
        {"url": "https://example.com/ x"},
        {"url": None},
        {"types": []},
        {"types": ["Alert"]},
        {"types": ["x" * 40]},
        {"types": ["a"] * 51},
        {"description": "x" * 201},
        {"description": "a\nb"},
        {"secret": "whsec_" + "A" * 44},
        {"is_enabled": None},
        {"version": 7},
    ],
)
def test_fields_that_are_refused(mine: Person, fields: Json) -> None:
    """What a webhook has not, or not so."""
    id = make(mine)["id"]
    assert patch(mine, id, **fields).status_code == 422
    assert mine.call("POST", "/webhooks", {"url": URL, **fields}).status_code == 422


def test_a_webhook_is_changed(mine: Person) -> None:
    """What is left out stays; null types are all."""
    made = make(mine, types=["alert.fired"], description="before")
    changed = patch(mine, made["id"], url="https://other.example.com/", types=None).json()
    assert (changed["url"], changed["types"]) == ("https://other.example.com/", None)
    assert (changed["description"], changed["version"]) == ("before", 2)
    assert "secret" not in changed


def test_a_change_that_knows_less_is_refused(mine: Person) -> None:
    """By If-Match; the same for removing it."""
    id = make(mine)["id"]
    etag = mine.call("GET", f"/webhooks/{id}").headers["etag"]
    assert patch(mine, id, etag, description="1").status_code == 200
    assert code(patch(mine, id, etag, description="2")) == "stale_version"
    gone = mine.call("DELETE", f"/webhooks/{id}", headers={"if-match": etag})
    assert gone.status_code == 412
    assert mine.get(f"/webhooks/{id}")["description"] == "1"


def test_a_webhook_is_disabled_and_enabled(service: Service, queue: Queue, mine: Person) -> None:
    """Whoever did it: the owner, or we, because it failed."""
    id = make(mine, description="failing")["id"]
    disabled = patch(mine, id, is_enabled=False).json()
    assert (disabled["is_enabled"], disabled["disabled_reason"]) == (False, "owner")
    assert disabled["disabled_at"] == NOON
    answer = mine.call("POST", f"/webhooks/{id}/test")
    assert (answer.status_code, code(answer)) == (409, "webhook_disabled")
    assert patch(mine, id, is_enabled=True).json()["is_enabled"]
    sql(
        service.url,
        "UPDATE webhooks SET disabled_at = 1, disabled_reason = 'failing', failing_since = 1"
        " WHERE description = 'failing'",
    )
    failing = mine.get(f"/webhooks/{id}")
    assert (failing["disabled_reason"], failing["failing_since"]) == ("failing", 1)
    enabled = patch(mine, id, is_enabled=True).json()
    assert enabled["is_enabled"]
    assert enabled["failing_since"] is enabled["disabled_reason"] is None
    assert queue.jobs == []


def test_the_secret_is_changed(mine: Person) -> None:
    """Until when the one of before is good is said."""
    made = make(mine)
    answer = mine.call("POST", f"/webhooks/{made['id']}/secret")
    assert answer.status_code == 201
    assert answer.json()["secret"] not in {made["secret"], None}
    assert answer.json()["previous_secret_until"] == NOON + OVERLAP_SECONDS
    assert answer.headers["cache-control"] == "no-store"


def test_a_webhook_is_tried(queue: Queue, mine: Person) -> None:
    """It is on its way when the answer comes."""
    id = make(mine, types=["alert.fired"])["id"]
    answer = mine.call("POST", f"/webhooks/{id}/test")
    assert answer.status_code == 202, answer.text
    sent = answer.json()
    assert (sent["type"], sent["status"], sent["attempts"]) == ("webhook.test", "pending", 0)
    assert [job.payload for job in queue.jobs] == [{"delivery": sent["id"]}]
    assert mine.get(f"/webhooks/{id}/deliveries")["items"] == [sent]


def test_a_delivery_is_replayed(service: Service, queue: Queue, mine: Person) -> None:
    """Once it is over, under the same id; not while it is under way."""
    id = make(mine)["id"]
    sent = mine.call("POST", f"/webhooks/{id}/test").json()
    path = f"/webhooks/{id}/deliveries/{sent['id']}/replay"
    assert code(mine.call("POST", path)) == "delivery_pending"
    sql(service.url, "UPDATE webhook_deliveries SET status = 'failed', attempts = 8")
    queue.jobs.clear()
    answer = mine.call("POST", path)
    assert answer.status_code == 202
    assert answer.json()["message_id"] == sent["message_id"]
    assert (answer.json()["status"], answer.json()["attempts"]) == ("pending", 0)
    assert [job.payload for job in queue.jobs] == [{"delivery": sent["id"]}]
    other = make(mine)["id"]
    elsewhere = mine.call("POST", f"/webhooks/{other}/deliveries/{sent['id']}/replay")
    assert elsewhere.status_code == 404


def test_deliveries_come_in_pages(queue: Queue, mine: Person) -> None:
    """The newest first, each once."""
    id = make(mine)["id"]
    sent = [mine.call("POST", f"/webhooks/{id}/test").json()["id"] for _ in range(5)]
    found = list(pages(mine, f"/webhooks/{id}/deliveries?limit=2"))
    assert [len(page) for page in found] == [2, 2, 1]
    assert [one["id"] for page in found for one in page] == sent[::-1]
    assert len(queue.jobs) == 5
    other = make(mine)["id"]
    cursor = mine.get(f"/webhooks/{id}/deliveries?limit=2")["next_cursor"]
    answer = mine.call("GET", f"/webhooks/{other}/deliveries?cursor={cursor}")
    assert code(answer) == "bad_cursor"


def test_there_are_so_many_and_no_more(service: Service, mine: Person) -> None:
    """Those that are removed make room."""
    ids = [make(mine)["id"] for _ in range(service.settings.webhooks_per_user)]
    answer = mine.call("POST", "/webhooks", {"url": URL})
    assert (answer.status_code, code(answer)) == (403, "quota_webhooks")
    assert mine.call("DELETE", f"/webhooks/{ids[0]}").status_code == 204
    make(mine)


def test_a_key_makes_one(mine: Person) -> None:
    """A program may; asked twice with one Idempotency-Key it makes one."""
    key = mine.key(scopes=["read", "write"])["key"]
    answers = [
        mine.client.post(
            "/api/v1/webhooks",
            json={"url": URL},
            headers={"x-api-key": key, "idempotency-key": "1"},
        )
        for _ in range(2)
    ]
    assert answers[0].status_code == 201
    assert answers[0].json() == answers[1].json()
    assert len(mine.get("/webhooks")["items"]) == 1


def test_what_is_done_is_on_the_record(service: Service, mine: Person) -> None:
    """For admins: who made which webhook, and what became of it."""
    id = make(mine)["id"]
    patch(mine, id, description="x")
    mine.call("POST", f"/webhooks/{id}/secret")
    mine.call("DELETE", f"/webhooks/{id}")
    found = service.admin().get(f"/admin/audit?target={id}")["items"]
    assert [entry["action"] for entry in found] == [
        "webhook.delete",
        "webhook.rotate",
        "webhook.change",
        "webhook.create",
    ]


def test_a_test_reaches_the_server(serve: Callable[..., Service]) -> None:
    """By way of the jobs, signed, and its delivery says so; replayed it is the same message."""
    service = serve(outgoing_to_loopback=True)
    mine = service.person()
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(receiving()) as to:
        made = make(mine, url=to.url())
        sent = mine.call("POST", f"/webhooks/{made['id']}/test").json()
        deliveries = f"/webhooks/{made['id']}/deliveries"
        for _ in eventually(30):
            if mine.get(deliveries)["items"][0]["status"] == "delivered":
                break
        path = f"{deliveries}/{sent['id']}/replay"
        assert mine.call("POST", path).status_code == 202
        for _ in eventually(30):
            if len(to.requests) == 2:
                break
        first, second = to.requests
    time = datetime.fromtimestamp(NOON, UTC)
    expected = Signer(made["secret"]).sign(sent["message_id"], time, first.body.decode())
    assert first.headers["webhook-signature"] == expected
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == sent["message_id"]
    assert first.body == second.body
    assert orjson.loads(first.body)["data"]["notification"]["is_test"] is True
