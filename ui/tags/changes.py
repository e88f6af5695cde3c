"""Change tags, one or many: first what will happen to each, then what happened."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.html import format_html

from accounts.audit.services import Actor
from artifacts.oci.names import is_tag
from artifacts.refusals import Refusal
from registry.access.scopes import Action
from registry.manifests.removal import companions_of, delete_companions, delete_tag_for_good
from registry.repositories.models import Repository
from registry.tags.models import Tag
from registry.tags.services import delete_tag, require_mutable, set_expiry, set_immutable
from registry.tags.time_machine import time_machine_of
from ui.display.amounts import moment
from ui.pages import FORM_REFUSED, reason_of
from ui.tags.expiry import ExpiryForm
from ui.tags.filters import Filters
from ui.tags.pages import TagsPage

MAX_TAGS: Final = 500


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants what done, where and when. ``expires_at`` is for changes of the expiry."""

    repository: Repository
    now: datetime
    by: Actor
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change of tags, with the right that it needs.

    ``effect`` says what will happen to a tag, or raises why it will not.
    """

    name: str
    right: Action
    label: str
    icon: str
    done: str  # said afterwards, with {tags} for "3 tags"
    effect: Callable[[Tag, Order], str]
    apply: Callable[[str, Order], object]
    is_dangerous: bool = False

    @property
    def is_offered(self) -> bool:
        if self.name == "erase":
            return bool(settings.BERTH.PERMANENTLY_DELETE_TAGS)
        return self.name not in {"fix", "free"} or bool(settings.BERTH.FEATURE_IMMUTABLE_TAGS)


def offered(rights: frozenset[Action]) -> list[Change]:
    return [one for one in CHANGES.values() if {"push", one.right} <= rights and one.is_offered]


def _delete_effect(tag: Tag, order: Order) -> str:
    require_mutable(tag, "deleted")
    until = order.now + time_machine_of(order.repository.namespace)
    if until <= order.now:
        return "Goes, and cannot be restored: the time machine is off."
    return format_html("Goes, and can be restored until {}.", moment(until))


def _delete(name: str, order: Order) -> None:
    delete_tag(repository=order.repository, name=name, now=order.now, by=order.by)


def _erase_effect(tag: Tag, order: Order) -> str:
    require_mutable(tag, "deleted")
    return "Goes with its whole history, and cannot be restored by anybody."


def _erase(name: str, order: Order) -> object:
    return delete_tag_for_good(repository=order.repository, name=name, now=order.now, by=order.by)


def _expiry_effect(tag: Tag, order: Order) -> str:
    if not settings.BERTH.FEATURE_IMMUTABLE_TAGS_CAN_EXPIRE:
        require_mutable(tag, "made to expire")
    if tag.expires_at is None:
        return "Does not expire now."
    return format_html("Expires on {} now.", moment(tag.expires_at))


def _set_expiry(name: str, order: Order) -> object:
    return set_expiry(
        repository=order.repository,
        name=name,
        expires_at=order.expires_at,
        now=order.now,
        by=order.by,
    )


def _fix_effect(tag: Tag, order: Order) -> str:
    if tag.is_immutable:
        return "Is immutable already."
    if tag.expires_at and not settings.BERTH.FEATURE_IMMUTABLE_TAGS_CAN_EXPIRE:
        return "Can no longer be moved or deleted, and does not expire any more."
    return "Can no longer be moved or deleted. An administrator of the repository can undo it."


def _fix(name: str, order: Order) -> object:
    return set_immutable(
        repository=order.repository, name=name, is_immutable=True, now=order.now, by=order.by
    )


def _free_effect(tag: Tag, order: Order) -> str:
    return "Can be moved and deleted again." if tag.is_immutable else "Is not immutable."


def _free(name: str, order: Order) -> object:
    return set_immutable(
        repository=order.repository, name=name, is_immutable=False, now=order.now, by=order.by
    )


CHANGES: Final[Mapping[str, Change]] = {
    change.name: change
    for change in (
        Change(
            "expire",
            "push",
            "Change expiry",
            "calendar-clock",
            "The expiry of {tags} is changed.",
            _expiry_effect,
            _set_expiry,
        ),
        Change(
            "fix", "push", "Make immutable", "lock", "Made immutable: {tags}.", _fix_effect, _fix
        ),
        Change(
            "free",
            "*",
            "Allow changes again",
            "lock-open",
            "Changes allowed again: {tags}.",
            _free_effect,
            _free,
        ),
        Change(
            "delete",
            "delete",
            "Delete",
            "trash-2",
            "Deleted: {tags}.",
            _delete_effect,
            _delete,
            is_dangerous=True,
        ),
        Change(
            "erase",
            "delete",
            "Delete for good",
            "shredder",
            "Deleted for good: {tags}.",
            _erase_effect,
            _erase,
            is_dangerous=True,
        ),
    )
}


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
        if "all" in request.POST:
            names = self._matching(request.POST)
            return self._ask(change, names[:MAX_TAGS], has_more=len(names) > MAX_TAGS)
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

    def _matching(self, values: QueryDict) -> Sequence[str]:
        """All that the list showed, on every page of it, and one more than are changed at once."""
        filters = Filters.of(values, self.repository)
        alive = Tag.objects.alive(at=self.now).filter(repository=self.repository.id)
        tags = filters.selection(alive, self.repository).order_by(*filters.order)
        return list(tags.values_list("name", flat=True)[: MAX_TAGS + 1])

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
        has_more: bool = False,
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
            has_more=has_more,
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
        digest = tag.manifest.digest
        try:
            return Fate(name, effect=change.effect(tag, order), digest=digest)
        except Refusal as error:
            return Fate(name, refusal=reason_of(error), digest=digest)

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
        message = change.done.format(tags=_count(len(done)))
        if companions:
            message += f" With them went {_count(len(companions))} of signatures and the like."
        if len(done) == len(fates):
            if change.name == "delete" and time_machine_of(self.repository.namespace):
                moment = urlencode({"deleted": order.now.isoformat()})
                return HttpResponseRedirect(f"{self._list_url()}?{moment}")
            messages.success(self.request, message)
            return HttpResponseRedirect(self._list_url())
        return self.render(
            "ui/tags/outcome.html", change=change, fates=fates, said=message if done else ""
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
    except Refusal as error:
        return Fate(name, refusal=reason_of(error))
    return Fate(name)


def _names(values: QueryDict) -> list[str]:
    """The tags that were chosen, each once. What cannot be a tag was not chosen on a page."""
    return list(dict.fromkeys(name for name in values.getlist("tag") if is_tag(name)))


def _count(tags: int) -> str:
    return f"{tags} tag{'' if tags == 1 else 's'}"
