"""What is found by the beginning of its name, and by whom."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.credentials.principals import ANONYMOUS, Principal
from accounts.users.models import User
from artifacts.oci.digest import Digest
from registry.repositories.deletion import delete_repository
from registry.repositories.models import Repository, Role
from registry.repositories.services import describe, grant
from registry.rows.deadlines import TookTooLong
from registry.search import reads
from registry.search.questions import Question
from registry.search.reads import MOST_SHOWN, Answer, exact, search
from registry.tags.services import delete_tag
from tests.registry.builders import (
    NOW,
    hold,
    image,
    make_repository,
    make_user,
    owner_of,
    principal_of,
    push,
)
from tests.registry.charts.builders import push_chart

pytestmark = pytest.mark.django_db


@pytest.fixture
def web() -> Repository:
    repository = make_repository("acme/my-team/web-app")
    hold(repository, b"{}", b"layer")
    push(repository, image(b"{}", b"layer"), "v1.2")
    return repository


@pytest.fixture
def bob() -> User:
    return make_user("bob")


def asked(text: str, principal: Principal | None = None) -> Answer:
    return search(Question.read(text), principal=principal or owner_of("acme"), now=NOW)


def found(answer: Answer) -> set[str]:
    groups = (
        [row.path for row in answer.repositories.rows],
        [row.name for row in answer.organizations.rows],
        [f"{row.repository.path}:{row.name}" for row in answer.tags.rows],
        [f"{row.name} {row.version}" for row in answer.charts.rows],
        [f"{row.repository.path}@{row.digest}" for row in answer.manifests.rows],
    )
    return {name for names in groups for name in names}


PATH = "acme/my-team/web-app"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web", {PATH}),
        (" WEB-a ", {PATH}),
        ("app", {PATH}),
        ("my-team/w", {PATH}),
        ("acme", {PATH, "acme", "acme-owner"}),
        ("acme/m", {PATH}),
        ("eb", set()),
        ("pp", set()),
        ("eam", {PATH}),
        ("owner", {"acme-owner"}),
        ("v1", {f"{PATH}:v1.2"}),
        ("V1", set()),
        ("web-app:v", {f"{PATH}:v1.2", PATH}),
        ("app:v1.2", {f"{PATH}:v1.2", PATH}),
        (f"{PATH}:v1.2", {f"{PATH}:v1.2", PATH}),
        ("other:v1.2", set()),
        ("web:v1.2", {PATH}),
        ("%", set()),
        ("web app", {PATH}),
        ("app we", {PATH}),
        ("web other", set()),
        ("eb pp", set()),
        ("\u202eweb", set()),
        ("x" * 500, set()),
    ],
)
def test_names_are_found_by_the_beginnings_of_their_words(
    web: Repository, text: str, expected: set[str]
) -> None:
    assert found(asked(text)) == expected


DIGEST = str(Digest.of(image(b"{}", b"layer")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"registry.example.com/{PATH}:v1.2", {PATH, f"{PATH}:v1.2"}),
        (f"127.0.0.1:5000/{PATH}:v1.2", {PATH, f"{PATH}:v1.2"}),
        (f"[::1]:5000/{PATH}", {PATH}),
        (f"localhost/{PATH}", {PATH}),
        (f"docker://other.example.com/{PATH}:v1.2", {PATH, f"{PATH}:v1.2"}),
        (f"oci://registry.example.com/{PATH} --version 1.2", {PATH}),
        (
            f"podman pull --tls-verify=false other.example.com:5000/{PATH}:v1.2",
            {PATH, f"{PATH}:v1.2"},
        ),
        (f"$ docker run -v /srv:/srv {PATH}:v1.2", {PATH, f"{PATH}:v1.2"}),
        (f"helm pull oci://registry.example.com/{PATH} --version 1.2 --plain-http", {PATH}),
        (f"oci://registry.example.com/{PATH} --version v1.2", {PATH}),
        (f"https://registry.example.com/{PATH}/", {PATH}),
        (f"https://registry.example.com/{PATH}/-/tags/v1.2", {PATH, f"{PATH}:v1.2"}),
        (f"https://registry.example.com/{PATH}/-/tags", {PATH}),
        (f"https://registry.example.com/{PATH}/-/manifests/{DIGEST}", {PATH, f"{PATH}@{DIGEST}"}),
        (f"registry.example.com/{PATH}@{DIGEST}", {PATH, f"{PATH}@{DIGEST}"}),
        (f"{PATH}:v1.2@{DIGEST}", {PATH, f"{PATH}@{DIGEST}"}),
        (f"acme/other@{DIGEST}", set()),
        ("https://registry.example.com/", set()),
        (f"example.com/{PATH}", set()),
    ],
)
def test_what_is_pasted_is_understood(web: Repository, text: str, expected: set[str]) -> None:
    question = Question.read(text, host="registry.example.com")

    assert found(search(question, principal=owner_of("acme"), now=NOW)) == expected


def test_a_digest_leads_to_manifests_and_a_blob_to_what_holds_it(web: Repository) -> None:
    digest = str(Digest.of(image(b"{}", b"layer")))
    there = {f"{PATH}@{digest}"}

    assert found(asked(digest)) == there
    assert found(asked(digest.removeprefix("sha256:"))) == there
    assert found(asked(digest[: len("sha256:") + 12])) == there
    assert found(asked(digest.removeprefix("sha256:")[:12].upper())) == there
    assert found(asked(digest[: len("sha256:") + 11])) == set()
    assert found(asked(str(Digest.of(b"layer")))) == there
    assert found(asked(str(Digest.of(b"layer"))[:40])) == set()


def test_charts_are_found_by_name_and_version_the_newest_of_each(web: Repository) -> None:
    for version in ("0.9.0", "0.10.0", "1.0.0-rc.1"):
        push_chart(make_or_find("acme/etherpad"), "etherpad", version)

    assert [row.version for row in asked("ether").charts.rows] == ["1.0.0-rc.1"]
    assert [row.version for row in asked("etherpad 0.1").charts.rows] == ["0.10.0"]
    assert [row.version for row in asked("etherpad-0.9.0").charts.rows] == ["0.9.0"]
    assert not asked("etherpad 2").charts.rows


def make_or_find(path: str) -> Repository:
    return Repository.objects.filter(path=path).first() or make_repository(path)


def test_charts_without_a_tag_are_not_found(web: Repository) -> None:
    charts = make_repository("acme/etherpad")
    push_chart(charts, "etherpad", "0.9.0")
    delete_tag(repository=charts, name="0.9.0", now=NOW)
    assert not asked("etherpad").charts.rows
    assert not asked("0.9").tags.rows


QUESTIONS = (
    "web",
    "eb-ap",
    "acme",
    "v1",
    "app:v1.2",
    str(Digest.of(image(b"{}", b"layer"))),
    "ether",
)


def test_strangers_find_nothing_and_readers_what_they_may_read(web: Repository, bob: User) -> None:
    push_chart(web, "etherpad", "0.9.0")
    for text in QUESTIONS:
        assert found(asked(text)), text
        assert found(asked(text, principal_of(bob))) == set(), text
        assert found(asked(text, ANONYMOUS)) == set(), text

    grant(repository=web, role=Role.READ, holder=bob, now=NOW)

    for text in QUESTIONS:
        assert found(asked(text, principal_of(bob))), text
        assert found(asked(text, ANONYMOUS)) == set(), text

    Repository.objects.update(is_public=True)
    for text in QUESTIONS:
        assert found(asked(text, ANONYMOUS)), text


def test_deleted_repositories_are_not_found(web: Repository) -> None:
    push_chart(web, "etherpad", "0.9.0")
    delete_repository(repository=web, now=NOW)
    for text in QUESTIONS:
        assert found(asked(text)) <= {"acme", "acme-owner"}, text


def test_groups_are_bounded_and_say_when_there_is_more(web: Repository) -> None:
    for number in range(MOST_SHOWN):
        make_repository(f"acme/web-{number}")

    answer = asked("web")

    assert len(answer.repositories.rows) == MOST_SHOWN
    assert answer.repositories.has_more
    assert not asked("web-1").repositories.has_more


def test_a_search_costs_the_same_however_much_there_is(web: Repository) -> None:
    def count(text: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            found(asked(text, owner))
        return len(captured)

    owner = owner_of("acme")
    push_chart(web, "ether", "1.0.0")
    before = [count(text) for text in QUESTIONS]
    for number in range(12):
        more = make_repository(f"acme/web-{number}")
        hold(more, b"{}", b"layer")
        push(more, image(b"{}", b"layer"), "v1.2")
        push_chart(more, f"ether{number}", "1.0.0")
    assert [count(text) for text in QUESTIONS] == before


def test_what_a_repository_says_of_itself_is_found_from_its_middle(web: Repository) -> None:
    describe(repository=web, description="Serves the *Lighthouse*", now=NOW)

    assert found(asked("ghtHOU")) == {PATH}


@pytest.mark.parametrize("gone", ["Lighthouse", "Light"])
def test_what_it_does_not_say_any_more_is_not_found(web: Repository, gone: str) -> None:
    describe(repository=web, description="Serves the Lighthouse", now=NOW)
    describe(repository=web, description="Serves the harbour", now=NOW)

    assert found(asked(gone)) == set()


def test_charts_are_found_by_their_keywords(web: Repository) -> None:
    said = "keywords: [collaboration, editor]\n"
    push_chart(make_repository("acme/pad"), "etherpad", "0.9.0", more=said)

    assert [row.path for row in asked("laborat").repositories.rows] == ["acme/pad"]


def test_images_are_found_by_the_title_of_their_annotations(web: Repository) -> None:
    titled = {"org.opencontainers.image.title": "Foghorn"}
    push(web, image(b"{}", b"layer", annotations=titled), "v2")

    assert found(asked("oghor")) == {PATH}


@pytest.mark.parametrize("odd", ['say"so', "100%_", "a'b", "back\\slash", "(AND) NOT*", "ünïcøde"])
def test_marks_of_the_languages_of_databases_are_letters_like_others(
    web: Repository, odd: str
) -> None:
    describe(repository=web, description=f"It is {odd}.", now=NOW)
    other = make_repository("acme/other")
    describe(repository=other, description="It is 100x, abc, NOT.", now=NOW)

    assert [row.path for row in asked(odd).repositories.rows] == [PATH]


def test_names_that_begin_so_come_before_what_only_says_so(web: Repository) -> None:
    other = make_repository("acme/other")
    describe(repository=other, description="Not for the web", now=NOW)

    assert [row.path for row in asked("web").repositories.rows] == [PATH, "acme/other"]


def test_a_whole_reference_is_told_from_others(web: Repository) -> None:
    question = Question.read(f"docker://other.example.com/{PATH}:v1.2")

    named = exact(question, principal=owner_of("acme"), now=NOW)

    assert named is not None
    assert (named.repository, named.tag) == (web, "v1.2")


def test_nobody_learns_that_a_repository_is_there(web: Repository, bob: User) -> None:
    assert exact(Question.read(PATH), principal=principal_of(bob), now=NOW) is None


def test_a_search_that_takes_too_long_is_ended(
    web: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forever(*_: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH RECURSIVE step (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM step)"
                " SELECT count(*) FROM step"
            )

    monkeypatch.setattr(reads, "DEADLINE_SECONDS", 0.2)
    monkeypatch.setattr(reads, "find_tags", forever)

    with pytest.raises(TookTooLong):
        asked("web")


TABLES = ("repositories_namepart", "tags_tag", "manifests_manifest", "charts_chartversion")


@pytest.mark.parametrize("text", ["web", "v1", "sha256:" + "a" * 64, "ether"])
def test_tables_are_read_by_an_index(web: Repository, text: str) -> None:
    with CaptureQueriesContext(connection) as captured:
        asked(text)
    for query in captured:
        if not query["sql"].startswith("SELECT"):
            continue  # the transaction in which PostgreSQL has its deadline
        for step in plan_of(query["sql"]):
            is_scan = step.strip(" ->").startswith(("SCAN", "Seq Scan"))
            assert not (is_scan and any(table in step for table in TABLES)), (step, query["sql"])


def plan_of(statement: str) -> list[str]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # it reads small tables whole
            cursor.execute(f"EXPLAIN {statement}")
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
        return [row[-1] for row in cursor.fetchall()]
