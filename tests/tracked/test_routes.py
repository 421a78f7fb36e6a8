"""Jobs over HTTP: one's own, watched and cancelled; admins see those of all."""

from uuid import UUID

from starlette.responses import Response

from tests.auth.people import Service, code, pages
from tests.notifications.telling import on
from tests.tracked.watched import Watched, asked_for, succeed
from tradeapi.database import Database
from tradeapi.tracked.answers import accepted
from tradeapi.tracked.models import TrackedJob


def test_a_job_is_looked_at_and_cancelled(service: Service) -> None:
    """While nobody does it; then there is nothing left to cancel."""
    mine = service.person()
    id = asked_for(service.url, mine.id)
    job = mine.get(f"/jobs/{id}")
    assert job.pop("created_at") > 0
    url = f"/api/v1/jobs/{id}"
    assert job == {
        "id": id,
        "name": "test.build",
        "subject": "EW100",
        "status": "queued",
        "progress": 0.0,
        "message": "",
        "cancel_requested": False,
        "result": None,
        "error": None,
        "started_at": None,
        "finished_at": None,
        "status_url": url,
    }
    cancelled = mine.call("DELETE", f"/jobs/{id}")
    assert (cancelled.status_code, cancelled.headers["location"]) == (202, url)
    assert (cancelled.json()["status"], cancelled.json()["cancel_requested"]) == ("cancelled", True)
    assert mine.get(f"/jobs/{id}") == cancelled.json()
    again = mine.call("DELETE", f"/jobs/{id}")
    assert (again.status_code, code(again)) == (409, "job_finished")


def test_its_result_is_shown(service: Service) -> None:
    """And there is nothing left to cancel."""
    mine = service.person()

    async def work(database: Database) -> str:
        watched = Watched(database, UUID(mine.id))
        id = await watched.start()
        async with watched.worked_at(succeed):
            await watched.ended(id)
        return str(id)

    id = on(service.url, work)
    job = mine.get(f"/jobs/{id}")
    assert (job["status"], job["progress"], job["result"]) == ("succeeded", 1.0, {"sessions": 3})
    assert code(mine.call("DELETE", f"/jobs/{id}")) == "job_finished"


def test_everybody_lists_his_own_page_by_page(service: Service) -> None:
    """The newest first; an admin those of all, also what nobody has asked for."""
    mine, other, admin = service.person(), service.person(), service.admin()
    ids = [asked_for(service.url, mine.id) for _ in range(3)]
    theirs = asked_for(service.url, other.id)
    nobodys = asked_for(service.url, None)
    found = [[job["id"] for job in page] for page in pages(mine, "/jobs?limit=2")]
    assert found == [ids[:0:-1], ids[:1]]
    assert [job["id"] for job in other.get("/jobs")["items"]] == [theirs]
    newest = [job["id"] for job in admin.get("/jobs")["items"][:5]]
    assert newest == [nobodys, theirs, *ids[::-1]]
    assert mine.call("GET", f"/jobs/{nobodys}").status_code == 404
    assert mine.call("DELETE", f"/jobs/{theirs}").status_code == 404
    assert admin.call("DELETE", f"/jobs/{theirs}").status_code == 202
    assert other.get(f"/jobs/{theirs}")["status"] == "cancelled"
    exported = mine.get("/auth/me/export")["jobs"]
    assert [job["id"] for job in exported] == ids[::-1]


def test_a_route_that_starts_one_says_where_it_is() -> None:
    """Whatever it would have answered."""
    job = TrackedJob(id=UUID(int=7))
    response = Response(status_code=201)
    assert accepted(job, response) is job
    assert (response.status_code, response.headers["location"]) == (202, job.status_url)
