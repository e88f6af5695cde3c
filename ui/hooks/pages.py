"""Hooks of a repository, of a namespace, and of the registry: made, tried, changed, and what was
delivered to each."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect

from artifacts.refusals import Refusal
from registry.events.delivery import KEPT_FOR, message_of
from registry.events.formats.catalogue import FORMATS, LOCAL
from registry.events.kinds import TITLES, EventType, sentence
from registry.events.models import Delivery, DeliveryState, Hook
from registry.events.secrets import Secrets, SecretsUnreadable
from registry.events.services import (
    MOST_HOOKS,
    change_hook,
    create_hook,
    pause_hook,
    remove_hook,
    resume_hook,
    send_again,
    send_dead_again,
    send_test,
)
from ui.hooks.forms import MAKE, HookForm, is_for_people
from ui.pages import Secret, unstored
from ui.paging import page_of
from ui.places import PlacePage

WATCHED_FOR: Final = timedelta(seconds=30)  # until a test is said to wait for nobody
_PARENT: Final = {"parent_name": "hooks", "parent_title": "Hooks"}
# What each format is for, beside its title.
ABOUT: Final = {
    "standard": "For programs of your own.",
    "cloudevents": "CloudEvents 1.0, structured. For Knative, Argo Events and others.",
    "quay": "For Flux (quay), Argo CD Image Updater, Kargo and Keel.",
    "harbor": "For Argo CD, Flux (harbor), Kargo and Keel, which want a header Authorization.",
    "distribution": "For Keel (registry) and Jenkins.",
    "dockerhub": "For Flux (dockerhub) and Jenkins.",
    "template": "JSON of your own, with places for what happened.",
    "slack": "A message in a channel. For Discord, write /slack after its address.",
    "teams": "A card in Microsoft Teams, by the address of a workflow.",
    "matrix": "A notice in a room of Matrix.",
    "email": "Mail to somebody who belongs here.",
    "bell": "Left for a person or a team. Programs read them by the management API.",
}


class HooksPage(PlacePage):
    template = "ui/hooks/list.html"
    tab = "hooks"

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        hooks = _with_state(Hook.objects.of(self.place)).order_by("pk")
        return self.render(hooks=[_Row.of(self, hook) for hook in hooks])

    def context(self) -> dict[str, Any]:
        return {
            **super().context(),
            "crumb": "Hooks",
            "most_hooks": MOST_HOOKS,
            "hooks_url": self.address("hooks"),
            "new_url": self.address("new_hook"),
        }


class NewHookPage(HooksPage):
    """First who is to be told, then what."""

    template = "ui/hooks/edit.html"

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        name = request.GET.get("format", "")
        return self.answer(HookForm(name)) if name in self.formats() else self._choose()

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        name = request.POST.get("format", "")
        if name not in self.formats():
            return self._choose()
        form = self.filled(HookForm(name, request.POST))
        secret = form.chosen_secret() or ""
        hook = create_hook(
            place=self.place,
            terms=form.terms,
            secret=secret,
            headers=form.chosen_headers(),
            now=self.now,
            by=self.by,
        )
        if form.cleaned_data.get("secret") == MAKE:
            return _show_once(self, hook, secret, "The hook was created.")
        return self.changed("The hook was created. Send it a test.", "hook", hook=hook.uuid)

    def answer(self, form: Any = None, **options: Any) -> HttpResponse:
        return self.render(
            form=form, format=FORMATS[form.format], about=ABOUT[form.format], **options
        )

    @property
    def back(self) -> str:
        return self.address("hooks")

    def formats(self) -> list[str]:
        """Those that can be had at this place."""
        unwanted = set() if settings.BERTH.FEATURE_MAILING else {"email"}
        if self.place is None:
            unwanted |= {"bell"}
        return [name for name in ABOUT if name not in unwanted]

    def _choose(self) -> HttpResponse:
        offered: dict[bool, list[tuple[str, str, str]]] = {True: [], False: []}
        for name in self.formats():
            about = (name, FORMATS[name].title, ABOUT[name])
            offered[is_for_people(name)].append(about)
        return self.render("ui/hooks/formats.html", programs=offered[False], people=offered[True])

    def context(self) -> dict[str, Any]:
        return {**super().context(), **_PARENT, "crumb": "New hook"}


class OneHookPage(HooksPage):
    hook: Hook

    def refusal(self) -> HttpResponseBase | None:
        if (answer := super().refusal()) is not None:
            return answer
        rows = Hook.objects.of(self.place).select_related("repository__namespace", "namespace")
        hook = rows.filter(uuid=self.kwargs["hook"]).first()
        if hook is None:
            raise Http404
        self.hook = hook
        return None

    def hook_address(self, page: str, **more: Any) -> str:
        return self.address(page, hook=self.hook.uuid, **more)

    def context(self) -> dict[str, Any]:
        return {
            **super().context(),
            **_PARENT,
            "crumb": str(self.hook),
            "hook": self.hook,
            "format": FORMATS[self.hook.format],
            "hook_url": self.hook_address("hook"),
            "is_local": self.hook.format in LOCAL,
        }


class HookPage(OneHookPage):
    """The hook, and its deliveries, the newest first. Each of its buttons is an ``action``."""

    template = "ui/hooks/hook.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        state = request.GET.get("state", "")
        rows = self.hook.deliveries.select_related("event").defer("answer")
        if state in DeliveryState.values:
            rows = rows.filter(state=state)
        page = page_of(request, rows, order=("-id",))
        return self.render(
            page=page,
            deliveries=[_Shown.of(self, row) for row in page.rows],
            state=state if state in DeliveryState.values else "",
            states=DeliveryState.choices,
            has_dead=self.hook.deliveries.filter(state=DeliveryState.DEAD).exists(),
            trial=self._trial(request.GET.get("test", "")),
            events=[TITLES.get(EventType(kind), kind) for kind in self.hook.events],
            testable=[
                (kind, TITLES[EventType(kind)]) for kind in self.hook.events if kind in TITLES
            ],
            proof=_proof(self.hook),
            change_url=self.hook_address("change_hook"),
            remove_url=self.hook_address("remove_hook"),
            kept_days=KEPT_FOR.days,
        )

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        match request.POST.get("action"):
            case "test":
                return self._test(request.POST.get("event", ""))
            case "pause":
                pause_hook(hook=self.hook, now=self.now, by=self.by)
                return self._changed("The hook is paused: what waits stays waiting.")
            case "resume":
                resume_hook(hook=self.hook, now=self.now, by=self.by)
                return self._changed("The hook is told again of what happens.")
            case "again":
                delivery_id = _number(request.POST.get("delivery", ""))
                sent = send_again(deliveries=[delivery_id], hook=self.hook, now=self.now)
                return self._changed(
                    "It is sent again in a moment." if sent else "Nothing is sent."
                )
            case "again-all":
                sent = send_dead_again(hook=self.hook, now=self.now)
                return self._changed(f"{sent} that were given up are sent again in a moment.")
        return HttpResponseRedirect(self.hook_address("hook"))

    def _changed(self, text: str) -> HttpResponse:
        return self.changed(text, "hook", hook=self.hook.uuid)

    def _test(self, kind: str) -> HttpResponse:
        """A made-up event of one of its kinds; its outcome is watched on the page."""
        event_type = EventType(kind) if kind in self.hook.events else EventType.PING
        delivery = send_test(hook=self.hook, kind=event_type, now=self.now, by=self.by)
        return HttpResponseRedirect(f"{self.hook_address('hook')}?test={delivery.pk}#trial")

    def _trial(self, text: str) -> "_Shown | None":
        rows = self.hook.deliveries.select_related("event").filter(pk=_number(text))
        return _Shown.of(self, row) if (row := rows.first()) else None


class ChangeHookPage(OneHookPage):
    template = "ui/hooks/edit.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.answer(HookForm(self.hook.format, hook=self.hook, headers=self._headers()))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        sent = HookForm(self.hook.format, request.POST, hook=self.hook, headers=self._headers())
        form = self.filled(sent)
        secret = form.chosen_secret()
        change_hook(
            hook=self.hook,
            terms=form.terms,
            secret=secret,
            headers=form.chosen_headers(),
            now=self.now,
            by=self.by,
        )
        if form.cleaned_data.get("secret") == MAKE and secret:
            message = "The hook was changed. For a day, its former secret signs beside the new one."
            return _show_once(self, self.hook, secret, message)
        return self.changed("The hook was changed.", "hook", hook=self.hook.uuid)

    def answer(self, form: Any = None, **options: Any) -> HttpResponse:
        return self.render(form=form, about=ABOUT[self.hook.format], **options)

    def refused(self, error: Refusal) -> HttpResponse:
        self.hook.refresh_from_db()
        return super().refused(error)

    def _headers(self) -> int:
        proof = _proof(self.hook)
        return len(proof.headers) if proof else 1


class RemoveHookPage(OneHookPage):
    template = "ui/hooks/remove.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        waiting = self.hook.deliveries.filter(state=DeliveryState.WAITING).count()
        return self.render(waiting=waiting)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        name = str(self.hook)
        remove_hook(hook=self.hook, now=self.now, by=self.by)
        return self.changed(f"The hook {name} was removed.", "hooks")


class DeliveryPage(OneHookPage):
    """What was sent, and what came back. For htmx, how far it is."""

    template = "ui/hooks/delivery.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        rows = self.hook.deliveries.select_related("event")
        row = rows.filter(pk=kwargs["delivery"]).first()
        if row is None:
            raise Http404
        shown = _Shown.of(self, row)
        if self.wants_part:
            return self.render("ui/hooks/outcome.html", trial=shown)
        message = message_of(self.hook, [row.event])
        text = message.body.decode("utf-8", "replace")
        body = _indented(text)
        return self.render(
            shown=shown,
            delivery=row,
            message=message,
            body=body,
            is_indented=body != text,
        )

    def context(self) -> dict[str, Any]:
        return {**super().context(), "crumb": "Delivery"}


@dataclass(frozen=True, slots=True)
class _Row:
    """A hook in a list, with the last delivery that ended."""

    hook: Hook
    url: str
    title: str
    waiting: int
    last_state: str
    last_at: Any
    kinds: int

    @classmethod
    def of(cls, page: HooksPage, hook: Any) -> "_Row":
        return cls(
            hook,
            page.address("hook", hook=hook.uuid),
            FORMATS[hook.format].title,
            hook.waiting,
            hook.last_state,
            hook.last_at,
            len(hook.events),
        )


@dataclass(frozen=True, slots=True)
class _Shown:
    """A delivery as pages show it. ``is_watched`` while its outcome may come any second."""

    delivery: Delivery
    url: str
    sentence: str
    is_being_sent: bool
    is_watched: bool
    is_late: bool

    @classmethod
    def of(cls, page: OneHookPage, delivery: Delivery) -> "_Shown":
        event = delivery.event
        is_open = delivery.state == DeliveryState.WAITING
        has_result = bool(delivery.error) or delivery.status is not None
        is_fresh = page.now - delivery.created_at < WATCHED_FOR
        return cls(
            delivery,
            page.hook_address("delivery", delivery=delivery.pk),
            sentence(event.kind, event.facts),
            is_being_sent=is_open and delivery.tries > 0 and not has_result,
            is_watched=is_open and not has_result and is_fresh,
            is_late=is_open and not has_result and not is_fresh,
        )


def _with_state(hooks: QuerySet[Hook]) -> QuerySet[Any]:
    ended = Delivery.objects.filter(hook=OuterRef("pk")).exclude(state=DeliveryState.WAITING)
    last = ended.order_by("-pk")
    return hooks.annotate(
        waiting=Count("deliveries", filter=Q(deliveries__state=DeliveryState.WAITING)),
        last_state=Subquery(last.values("state")[:1]),
        last_at=Subquery(last.values("ended_at")[:1]),
    )


def _proof(hook: Hook) -> Secrets | None:
    """What it proves itself with; ``None`` where nobody can read that any more."""
    try:
        return Secrets.unseal(hook.sealed)
    except SecretsUnreadable:
        return None


def _show_once(page: HooksPage, hook: Hook, secret: str, message: str) -> HttpResponse:
    """The only answer that holds the secret."""
    return unstored(
        page.render(
            "ui/hooks/secret.html",
            hook=hook,
            said=message,
            shown=Secret(
                "Its secret, shown only now",
                "Give it to the receiver before you leave this page. It signs each call as Standard"
                " Webhooks says, in X-Hub-Signature-256 and in X-Signature.",
                page.address("hook", hook=hook.uuid),
                ("Secret", secret, "Copy the secret"),
            ),
        )
    )


def _indented(text: str) -> str:
    """JSON for reading; whatever else it is stays as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def _number(text: str) -> int:
    """A key as it was sent; 0, which no row has, of what is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
