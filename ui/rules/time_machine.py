"""How long tags that ended can be restored."""

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from artifacts.oci.lifetimes import parse_lifetime
from artifacts.refusals import Refusal
from registry.tags.models import Tag
from registry.tags.time_machine import (
    default_time_machine,
    lost_by,
    set_time_machine,
    time_machine_of,
)
from ui.display.amounts import distance
from ui.pages import FORM_REFUSED, reason_of
from ui.rules.places import NamespaceTagRules

COUNTED = 1000  # tags that a shorter time machine would lose; more are not counted
NAMED = 20
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    title: str
    is_chosen: bool


class TimeMachinePage(NamespaceTagRules):
    """The choice; with ``lifetime`` in the address also what it would do."""

    template = "ui/rules/time_machine.html"
    section = "time_machine"

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        choice = request.GET.get("lifetime", "")
        if not choice:
            return self._page()
        if choice not in {DEFAULT, *settings.BERTH.TAG_EXPIRATION_OPTIONS}:
            return self._page(
                status=FORM_REFUSED, refusal="This is not one of the times that can be chosen."
            )
        return self._page(choice=choice)

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        choice = request.POST.get("lifetime", "")
        set_time_machine(
            namespace=self.namespace,
            lifetime=None if choice == DEFAULT else choice,
            now=self.now,
            by=self.by,
        )
        duration = words_of(time_machine_of(self.namespace))
        return self.changed(f"Ended tags can now be restored for {duration}.", "time_machine")

    def refused(self, error: Refusal) -> HttpResponse:
        return self._page(status=FORM_REFUSED, refusal=reason_of(error))

    def _page(
        self, *, choice: str = "", status: int = HTTPStatus.OK, refusal: str = ""
    ) -> HttpResponse:
        span = time_machine_of(self.namespace)
        wanted = _lifetime(choice) if choice else span
        lost: list[Tag] = []
        if wanted < span:
            rows = lost_by(namespace=self.namespace, lifetime=wanted, now=self.now)
            rows = rows.select_related("repository").order_by("repository", "name", "-started_at")
            lost = list(
                rows.only("name", "ended_at", "expires_at", "repository__path")[: COUNTED + 1]
            )
        return self.render(
            status=status,
            refusal=refusal,
            may_choose=settings.BERTH.FEATURE_CHANGE_TAG_EXPIRATION,
            lifetime=words_of(span),
            is_default=self.namespace.tag_expiration_seconds is None,
            options=self._options(choice),
            asked=choice,
            wanted=words_of(wanted),
            is_shorter=wanted < span,
            is_longer=wanted > span,
            lost=lost[:NAMED],
            lost_count=min(len(lost), COUNTED),
            has_more_lost=len(lost) > COUNTED,
        )

    def _options(self, choice: str) -> list[Option]:
        seconds = self.namespace.tag_expiration_seconds
        default = f"as the configuration says: {words_of(default_time_machine())}"
        options = [Option(DEFAULT, default, seconds is None)]
        for text in settings.BERTH.TAG_EXPIRATION_OPTIONS:
            lifetime = parse_lifetime(text)
            options.append(Option(text, words_of(lifetime), lifetime.total_seconds() == seconds))
        if choice:
            return [Option(one.value, one.title, one.value == choice) for one in options]
        return options


def _lifetime(choice: str) -> timedelta:
    return default_time_machine() if choice == DEFAULT else parse_lifetime(choice)


def words_of(lifetime: timedelta) -> str:
    """A time in days where it is one; nothing is rounded."""
    if not lifetime:
        return "no time at all"
    if lifetime % timedelta(days=7) == timedelta():
        weeks = lifetime // timedelta(days=7)
        return f"{weeks} week{'' if weeks == 1 else 's'}"
    if lifetime % timedelta(days=1) == timedelta():
        return f"{lifetime.days} day{'' if lifetime.days == 1 else 's'}"
    return distance(lifetime)
