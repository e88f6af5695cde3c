"""Change tags, one or many: first what will happen to each, then what happened."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse

from accounts.errors import AccountError
from artifacts.oci.errors import OCIError
from artifacts.oci.names import is_tag
from registry.manifests.companions import companions_of, delete_companions
from registry.tags.models import Tag
from ui.pages import FORM_REFUSED, reason_of
from ui.tags.changes import CHANGES, Change, Order, refusal_of
from ui.tags.forms import ExpiryForm
from ui.tags.pages import TagsPage

MAX_TAGS = 200


@dataclass(frozen=True, slots=True)
class Fate:
    """What will happen, or happened, to a tag. ``refusal`` says why nothing does."""

    name: str
    effect: str = ""
    refusal: str = ""
    digest: str = ""
    companions: Sequence[str] = ()


class ChangePage(TagsPage):
    """A link asks about one tag, a form about many; both are asked to confirm it."""

    actions = {"GET": "push", "POST": "push"}
    template = "ui/tags/confirm.html"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        return self._ask(self._change(request.GET), _names(request.GET)[:MAX_TAGS])

    def post(self, request: HttpRequest, repository: str) -> HttpResponse:
        change = self._change(request.POST)
        names = _names(request.POST)
        if not 1 <= len(names) <= MAX_TAGS:
            messages.error(request, f"Choose from 1 to {MAX_TAGS} tags first.")
            return HttpResponseRedirect(self._list_url())
        if "confirmed" not in request.POST:
            return self._ask(change, names)
        order = self._order()
        if change.name == "expire":
            form = ExpiryForm(request.POST, now=self.now)
            if not form.is_valid():
                return self._ask(change, names, form=form, status=FORM_REFUSED)
            order = replace(order, expires_at=form.expires_at)
        return self._do(change, names, order)

    def _change(self, values: QueryDict) -> Change:
        change = CHANGES.get(values.get("action", ""))
        if change is None or not change.is_offered:
            raise Http404
        if change.right not in self.rights:
            raise PermissionDenied
        return change

    def _order(self) -> Order:
        return Order(self.repository, self.now, self.by)

    def _ask(
        self,
        change: Change,
        names: Sequence[str],
        *,
        form: ExpiryForm | None = None,
        status: int = 200,
    ) -> HttpResponse:
        if form is None and change.name == "expire":
            form = ExpiryForm(now=self.now)
        fates = self._fates(change, names)
        return self.render(
            change=change,
            fates=fates,
            going=[fate for fate in fates if not fate.refusal],
            companions=sum(len(fate.companions) for fate in fates),
            form=form,
            status=status,
        )

    def _fates(self, change: Change, names: Sequence[str]) -> list[Fate]:
        tags = self._tags(names)
        order = self._order()
        fates = [self._fate(change, name, tags.get(name), order) for name in names]
        if change.name not in {"delete", "erase"}:
            return fates
        digests = {fate.digest for fate in fates if not fate.refusal}
        companions = companions_of(self.repository, digests, now=self.now)
        return [replace(fate, companions=companions.get(fate.digest, ())) for fate in fates]

    def _fate(self, change: Change, name: str, tag: Tag | None, order: Order) -> Fate:
        if tag is None:
            return Fate(name, refusal=f"{self.repository.path} has no tag {name}.")
        if refusal := refusal_of(change, tag, order):
            return Fate(name, refusal=reason_of(refusal), digest=tag.manifest.digest)
        return Fate(name, effect=change.effect(tag, order), digest=tag.manifest.digest)

    def _do(self, change: Change, names: Sequence[str], order: Order) -> HttpResponse:
        tags = self._tags(names)
        fates = [_outcome(change, name, order) for name in names]
        done = [fate.name for fate in fates if not fate.refusal]
        companions: Sequence[str] = ()
        if "companions" in self.request.POST and change.name in {"delete", "erase"}:
            digests = {tags[name].manifest.digest for name in done if name in tags}
            companions = delete_companions(
                repository=self.repository, digests=digests, now=self.now, by=self.by
            )
        said = change.done.format(tags=_count(len(done)))
        if companions:
            said += f" With them went {_count(len(companions))} of signatures and the like."
        if len(done) == len(fates):
            messages.success(self.request, said)
            return HttpResponseRedirect(self._list_url())
        return self.render(
            "ui/tags/outcome.html", change=change, fates=fates, said=said if done else ""
        )

    def _tags(self, names: Iterable[str]) -> Mapping[str, Tag]:
        alive = Tag.objects.alive(at=self.now).filter(repository=self.repository.id)
        rows = alive.filter(name__in=names).select_related("manifest").defer("manifest__body")
        return {tag.name: tag for tag in rows}

    def _list_url(self) -> str:
        return reverse("ui:tags", kwargs={"repository": self.repository.path})

    def context(self) -> dict[str, Any]:
        return {**super().context(), "crumb": "Change tags"}


def _outcome(change: Change, name: str, order: Order) -> Fate:
    try:
        change.apply(name, order)
    except (AccountError, OCIError) as error:
        return Fate(name, refusal=reason_of(error))
    return Fate(name)


def _names(values: QueryDict) -> list[str]:
    """The tags that were chosen, each once. What cannot be a tag was not chosen on a page."""
    return list(dict.fromkeys(name for name in values.getlist("tag") if is_tag(name)))


def _count(tags: int) -> str:
    return f"{tags} tag{'' if tags == 1 else 's'}"
