"""The audit trail as Quay's clients read it."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.audit.services import Actor
from registry.repositories.models import Repository, Role
from registry.repositories.services import grant
from tests.registry.api.management.asking import ask, token
from tests.registry.builders import make_repository, make_user

pytestmark = pytest.mark.django_db

PLACES = ["/repository/acme/web", "/organization/acme"]


@pytest.fixture
def web() -> Repository:
    return make_repository("acme/web")


@pytest.fixture
def owner(web: Repository) -> Client:
    return Client(headers=token("acme-owner"), raise_request_exception=False)


def did(web: Repository, action: str = "tag.delete", *, hours: float = 1, by: str = "bob") -> None:
    Actor(by, address="192.0.2.7").did(
        action, web.path, now=timezone.now() - timedelta(hours=hours), place=web.path, tag="v1"
    )


@pytest.mark.parametrize("place", PLACES)
def test_an_event_is_told_with_the_fields_that_clients_read(
    owner: Client, web: Repository, place: str
) -> None:
    AuditEvent.objects.all()._raw_delete("default")
    did(web)

    status, said = ask(owner, "GET", f"{place}/logs")

    (log,) = said["logs"]
    assert (status, set(said)) == (200, {"start_time", "end_time", "logs"})
    assert (log["kind"], log["ip"]) == ("delete_tag", "192.0.2.7")
    assert (log["performer"]["name"], log["performer"]["is_robot"]) == ("bob", False)
    assert log["metadata"] == {"namespace": "acme", "repo": "web", "tag": "v1", "target": web.path}
    assert log["datetime"].endswith("-0000")


@pytest.mark.parametrize("place", PLACES)
def test_only_the_last_day_is_told_unless_more_is_asked_for(
    owner: Client, web: Repository, place: str
) -> None:
    Repository.objects.update(created_at=timezone.now() - timedelta(days=90))
    web.namespace.created_at = timezone.now() - timedelta(days=90)
    web.namespace.save()
    did(web, "tag.restore", hours=49)
    since = (timezone.now() - timedelta(days=4)).strftime("%m/%d/%Y")
    kinds = []
    for query in ("", f"?starttime={since}"):
        _, said = ask(owner, "GET", f"{place}/logs{query}")
        kinds.append("revert_tag" in {log["kind"] for log in said["logs"]})

    assert kinds == [False, True]


def test_pages_follow_one_another_without_a_gap(owner: Client, web: Repository) -> None:
    for number in range(45):
        did(web, by=f"person{number}", hours=0.1)
    seen: list[str] = []
    page = ""
    for _ in range(5):
        _, said = ask(owner, "GET", f"/repository/acme/web/logs{page}")
        seen += [log["performer"]["name"] for log in said["logs"] if log["kind"] == "delete_tag"]
        if "next_page" not in said:
            break
        page = f"?next_page={said['next_page']}"

    assert sorted(seen) == sorted(f"person{number}" for number in range(45))


def test_events_of_one_person_are_asked_for(owner: Client, web: Repository) -> None:
    did(web, by="bob")
    did(web, by="carol")

    _, said = ask(owner, "GET", "/organization/acme/logs?performer=carol")

    assert [log["performer"]["name"] for log in said["logs"]] == ["carol"]


def test_what_the_system_did_has_no_performer(owner: Client, web: Repository) -> None:
    did(web, by="system")

    _, said = ask(owner, "GET", "/repository/acme/web/logs")

    assert all("performer" not in log for log in said["logs"] if log["kind"] == "delete_tag")


@pytest.mark.parametrize(
    "query", ["starttime=yesterday", "endtime=13/45/2026", "next_page=x", "starttime=01/01/0001"]
)
def test_a_query_that_cannot_be_is_refused(owner: Client, web: Repository, query: str) -> None:
    assert ask(owner, "GET", f"/repository/acme/web/logs?{query}")[0] == 400


def test_a_summary_counts_by_kind_and_day(owner: Client, web: Repository) -> None:
    now = timezone.now()
    for _ in range(3):
        did(web, hours=0)

    _, said = ask(owner, "GET", f"/repository/acme/web/aggregatelogs?endtime={now:%m/%d/%Y}")

    counts = {one["kind"]: one["count"] for one in said["aggregated"]}
    assert counts["delete_tag"] == 3


def test_a_summary_of_years_is_refused(owner: Client, web: Repository) -> None:
    path = "/repository/acme/web/aggregatelogs?starttime=01/01/2020"

    assert ask(owner, "GET", path)[0] == 400


def test_a_person_reads_their_own_log(web: Repository) -> None:
    client = Client(headers=token(make_user("carol")))

    assert ask(client, "GET", "/user/logs")[0] == 200


def test_the_log_of_the_registry_names_the_namespaces(web: Repository) -> None:
    did(web)
    client = Client(headers=token(make_user("root1", is_superuser=True)))

    _, said = ask(client, "GET", "/superuser/logs")

    names: set[Any] = {log.get("namespace", {}).get("name") for log in said["logs"]}
    assert "acme" in names


def test_who_may_only_write_does_not_read_the_log(web: Repository) -> None:
    writer = make_user("carol")
    grant(repository=web, role=Role.WRITE, holder=writer, now=timezone.now())

    assert ask(Client(headers=token(writer)), "GET", "/repository/acme/web/logs")[0] == 403
