"""Search: all that is found, one kind of it page by page, and suggestions while somebody types."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.cache import patch_cache_control

from registry.access.rights import readable_repositories
from registry.repositories.models import Repository
from registry.rows.deadlines import TookTooLong
from registry.search.questions import Question
from registry.search.reads import (
    MOST_SHOWN,
    Answer,
    Exact,
    charts_of,
    exact,
    find_chart_repositories,
    find_manifests,
    find_organizations,
    find_repositories,
    find_tags,
    search,
    within_deadline,
)
from ui.commands.address import Registry
from ui.display.amounts import short_digest
from ui.display.costly import Busy
from ui.display.kinds import look_of
from ui.manual.finding import find_in_manual
from ui.pages import Page
from ui.paging import KeysetPage, page_of
from ui.repository_rows import repository_rows, summary_of
from ui.search.actions import find_actions

MOST_SUGGESTED: Final = 5  # of each group
MOST_PLACES: Final = 3  # of the manual
MIN_LENGTH: Final = 2  # of what suggestions are made for


class _Asking(Page):
    """A page with the question ``q``."""

    @property
    def question(self) -> Question:
        return Question.read(self.request.GET.get("q", ""), host=Registry.of(self.request).host)


class SearchPage(_Asking):
    template = "ui/search/search.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        question = self.question
        if not question.text:
            return self.render(question=question)
        group = _GROUPS.get(request.GET.get("in", ""))
        try:
            context = self._everything(question) if group is None else group(self, question)
        except TookTooLong as error:
            raise Busy from error
        return self.render(question=question, search_text=question.text, **context)

    def _everything(self, question: Question) -> dict[str, Any]:
        answer = search(question, principal=self.visitor, now=self.now)
        places = find_in_manual(question.words, most=MOST_PLACES)
        return {
            "answer": answer,
            "rows": repository_rows(answer.repositories.rows, now=self.now),
            "places": places,
            "is_empty": answer.is_empty and not places,
            "most": MOST_SHOWN,
        }

    def repositories(self, question: Question) -> dict[str, Any]:
        matches = find_repositories(question, readable_repositories(self.visitor))
        page = self._page(matches, "-last_pushed_at", "-id")
        return {"page": page, "rows": repository_rows(page.rows, now=self.now)}

    def organizations(self, question: Question) -> dict[str, Any]:
        page = self._page(find_organizations(question, self.visitor), "name")
        return {"page": page, "namespaces": page.rows}

    def tags(self, question: Question) -> dict[str, Any]:
        readable = readable_repositories(self.visitor)
        page = self._page(find_tags(question, readable, self.now), "name", "pk")
        return {"page": page, "tags": page.rows}

    def charts(self, question: Question) -> dict[str, Any]:
        readable = readable_repositories(self.visitor)
        page: KeysetPage[Repository] = self._page(
            find_chart_repositories(question, readable, self.now), "path"
        )
        ids = [getattr(repository, "newest_chart", None) for repository in page.rows]
        return {"page": page, "charts": charts_of(ids)}

    def manifests(self, question: Question) -> dict[str, Any]:
        readable = readable_repositories(self.visitor)
        page = self._page(find_manifests(question, readable), "digest", "pk")
        return {"page": page, "manifests": page.rows}

    def _page(self, matches: Any, *order: str) -> KeysetPage[Any]:
        with within_deadline():
            return page_of(self.request, matches.order_by(), order=order)


_GROUPS: Mapping[str, Callable[[SearchPage, Question], dict[str, Any]]] = {
    "repositories": SearchPage.repositories,
    "organizations": SearchPage.organizations,
    "tags": SearchPage.tags,
    "charts": SearchPage.charts,
    "manifests": SearchPage.manifests,
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``kind`` pictures content, ``icon`` everything else; ``about`` stands beside the text."""

    url: str
    text: str
    about: str = ""
    kind: str | None = None
    icon: str = ""
    is_exact: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    rows: Sequence[Suggestion]


class SuggestionsPage(_Asking):
    """What the field in the bar offers; too little typed, or too long a search, offers nothing."""

    template = "ui/search/suggestions.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        question = self.question
        groups: list[Group] = []
        if len(question.text) >= MIN_LENGTH:
            try:
                groups = [group for group in self._groups(question) if group.rows]
            except TookTooLong:
                groups = []
        response = self.render(question=question, groups=groups)
        patch_cache_control(response, private=True, no_store=True)
        return response

    def _groups(self, question: Question) -> Iterator[Group]:
        named = exact(question, principal=self.visitor, now=self.now)
        answer = search(question, principal=self.visitor, now=self.now, most=MOST_SUGGESTED)
        yield Group("Go to", [*_exact(named)])
        shown_ids = {named.repository.pk} if named else set()
        yield from _stored(answer, shown_ids, named)
        if question.repository:  # a reference asks for nothing else
            return
        places = find_in_manual(question.words, most=MOST_PLACES)
        yield Group("Manual", [*map(_place, places)])
        ways = find_actions(question, self.visitor, most=MOST_SUGGESTED)
        yield Group("Actions", [Suggestion(way.url, way.title, icon=way.icon) for way in ways])


def _exact(named: Exact | None) -> Iterator[Suggestion]:
    if named is None:
        return
    repository = named.repository
    where = {"repository": repository.path}
    kind = repository.kind
    if named.digest:
        url = reverse("ui:manifest", kwargs={**where, "digest": named.digest})
        text = f"{repository.path}@{short_digest(named.digest)}"
        yield Suggestion(url, text, kind=kind, is_exact=True)
    elif named.tag:
        url = reverse("ui:tag", kwargs={**where, "tag": named.tag})
        yield Suggestion(url, f"{repository.path}:{named.tag}", kind=kind, is_exact=True)
    is_whole = not named.digest and not named.tag
    url = reverse("ui:repository", kwargs=where)
    about = summary_of(repository.description)
    yield Suggestion(url, repository.path, about, kind=kind, is_exact=is_whole)


def _stored(answer: Answer, shown_ids: set[int], named: Exact | None) -> Iterator[Group]:
    repositories = [row for row in answer.repositories.rows if row.pk not in shown_ids]
    yield Group(
        "Repositories",
        [
            Suggestion(
                reverse("ui:repository", kwargs={"repository": row.path}),
                row.path,
                summary_of(row.description),
                kind=row.kind,
            )
            for row in repositories
        ],
    )
    yield Group(
        "Tags",
        [
            Suggestion(
                reverse("ui:tag", kwargs={"repository": tag.repository.path, "tag": tag.name}),
                f"{tag.repository.path}:{tag.name}",
                kind=tag.manifest.kind,
            )
            for tag in answer.tags.rows
            if not (named and named.repository.pk == tag.repository_id and named.tag == tag.name)
        ],
    )
    yield Group(
        "Helm charts",
        [
            Suggestion(
                _manifest_url(chart.repository.path, chart.manifest.digest),
                f"{chart.name} {chart.version}",
                chart.repository.path,
                kind=chart.manifest.kind,
            )
            for chart in answer.charts.rows
        ],
    )
    yield Group(
        "Digests",
        [
            Suggestion(
                _manifest_url(manifest.repository.path, manifest.digest),
                f"{manifest.repository.path}@{short_digest(manifest.digest)}",
                look_of(manifest.kind).name,
                kind=manifest.kind,
            )
            for manifest in answer.manifests.rows
        ],
    )
    yield Group(
        "Organizations and people",
        [
            Suggestion(
                reverse("ui:namespace", kwargs={"namespace": namespace.name}),
                namespace.name,
                icon="building-2" if hasattr(namespace, "organization") else "user",
            )
            for namespace in answer.organizations.rows
        ],
    )


def _manifest_url(path: str, digest: str) -> str:
    return reverse("ui:manifest", kwargs={"repository": path, "digest": digest})


def _place(place: Any) -> Suggestion:
    url = reverse("ui:manual_page", kwargs={"name": place.entry.name})
    about = place.entry.title if place.heading else place.entry.about
    return Suggestion(
        f"{url}#{place.anchor}" if place.anchor else url, place.title, about, icon="book-open"
    )
