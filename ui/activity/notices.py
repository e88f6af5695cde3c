"""What a person should hear of: notices, what of theirs ends soon, and what is mailed to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse

from accounts.users.models import User
from registry.events.kinds import WISHED, EventType, sentence
from registry.events.models import MailWish, Notice, NoticeWish
from registry.events.notices import wish
from registry.repositories.models import Repository
from registry.tags.models import Tag
from ui.forms import PageForm
from ui.pages import Page
from ui.paging import page_of

SOON: Final = timedelta(days=7)
ENDING_SHOWN: Final = 20
WISHES: Final = {
    EventType.PUSH_REFUSED: "A push of mine is refused by a policy",
    EventType.SIGNATURE_FAILED: "A signature does not hold in what I administer",
    EventType.RIGHTS_GRANTED: "I get rights in a repository",
    EventType.TOKEN_EXPIRING: "A token of mine or of my robots expires within a week",
    EventType.TAG_EXPIRING: "A tag of what I administer expires within a week",
}
_ICONS: Final = {
    EventType.PUSH_REFUSED: "ban",
    EventType.SIGNATURE_FAILED: "badge-x",
    EventType.RIGHTS_GRANTED: "shield-check",
    EventType.TOKEN_EXPIRING: "clock-alert",
    EventType.TAG_EXPIRING: "clock-alert",
}


class WishesForm(PageForm):
    """For each kind whether it is shown, and whether it is mailed."""

    def shape(self) -> None:
        for kind, title in WISHES.items():
            self.fields[_name(kind, "shown")] = forms.BooleanField(label=title, required=False)
            self.fields[_name(kind, "mail")] = forms.ChoiceField(
                label=f"Mail: {title}", choices=MailWish.choices, required=False
            )

    @classmethod
    def of(cls, user: User) -> "WishesForm":
        wishes = {wish.type: wish for wish in NoticeWish.objects.filter(user=user)}
        initial: dict[str, Any] = {}
        for kind in WISHES:
            one = wishes.get(kind.value)
            initial[_name(kind, "shown")] = one.is_shown if one else kind not in WISHED
            initial[_name(kind, "mail")] = one.mail if one else ""
        return cls(initial=initial)

    @property
    def rows(self) -> Sequence[tuple[forms.BoundField, forms.BoundField]]:
        return [(self[_name(kind, "shown")], self[_name(kind, "mail")]) for kind in WISHES]

    @property
    def wishes(self) -> dict[EventType, tuple[bool, MailWish]]:
        data = self.cleaned_data
        return {
            kind: (data[_name(kind, "shown")], MailWish(data[_name(kind, "mail")]))
            for kind in WISHES
        }


@dataclass(frozen=True, slots=True)
class Line:
    notice: Notice
    icon: str
    sentence: str
    url: str


class NoticesPage(Page):
    template = "ui/activity/notices.html"
    nav = "notices"
    must_sign_in = True
    user: User

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.answer(WishesForm.of(self.user))

    def post(self, request: HttpRequest) -> HttpResponse:
        unread = Notice.objects.filter(user=self.user, is_read=False)
        if "read" in request.POST:
            unread.update(is_read=True)
            return self.done("All notices are read.", "ui:notices")
        form = self.filled(WishesForm(request.POST))
        wish(user=self.user, wishes=form.wishes, now=self.now)
        return self.done("Your choice was saved.", "ui:notices")

    def answer(self, form: Any = None, **options: Any) -> HttpResponse:
        rows = Notice.objects.filter(user=self.user).select_related("event")
        page = page_of(self.request, rows, order=("-id",))
        return self.render(
            form=form,
            page=page,
            lines=[_line(notice) for notice in page.rows],
            ending=self._ending(),
            ending_shown=ENDING_SHOWN,
            may_be_mailed=settings.BERTH.FEATURE_MAILING and bool(self.user.email),
            **options,
        )

    def _ending(self) -> Sequence[Tag]:
        """Tags that end soon, of repositories that the person administers."""
        tags = Tag.objects.live().filter(
            expires_at__gt=self.now,
            expires_at__lte=self.now + SOON,
            repository__in=Repository.objects.administered_by(self.visitor).values("pk"),
        )
        rows = tags.select_related("repository").order_by("expires_at", "pk")
        return list(rows[: ENDING_SHOWN + 1])


def _line(notice: Notice) -> Line:
    event = notice.event
    facts = event.facts
    icon = _ICONS.get(event.kind, "bell")
    return Line(notice, icon, sentence(event.kind, facts), _url(event.kind, facts))


def _url(kind: EventType, facts: dict[str, Any]) -> str:
    """The page where something can be done about it."""
    path, tag, digest = (str(facts.get(name) or "") for name in ("repository", "tag", "digest"))
    try:
        if kind == EventType.TOKEN_EXPIRING:
            holder = str(facts.get("holder") or "")
            namespace, _, robot = holder.partition("+")
            where = {"namespace": namespace, "robot": robot}
            return reverse("ui:robot", kwargs=where) if robot else reverse("ui:tokens")
        if kind == EventType.SIGNATURE_FAILED:
            return reverse("ui:manifest", kwargs={"repository": path, "digest": digest})
        if tag and kind != EventType.PUSH_REFUSED:
            return reverse("ui:tag", kwargs={"repository": path, "tag": tag})
        return reverse("ui:repository", kwargs={"repository": path})
    except NoReverseMatch:
        return ""


def _name(kind: EventType, what: str) -> str:
    return f"{kind.value.replace('.', '_')}_{what}"
