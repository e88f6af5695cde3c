"""Whether a pull from a repository needs a valid signature, and what that would refuse."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse

from registry.repositories.models import Repository, SignatureRequirement
from registry.repositories.services import require_signatures
from registry.tags.models import Tag
from registry.verification.forecast import refusals
from registry.verification.models import Keyring, PublicKey, UnsignedPulls
from ui.forms import PageForm
from ui.paging import page_of
from ui.rules.places import RepositoryRules

DAYS = 30
LOOKED_AT = 100  # tags on one page

TITLES = {
    SignatureRequirement.NONE: "Nothing is required: everything can be pulled",
    SignatureRequirement.REPORT: "Report: everything can be pulled, and what would be refused is"
    " counted",
    SignatureRequirement.REQUIRED: "Required: a pull of what has no valid signature is refused",
}


class RequirementForm(PageForm):
    requirement = forms.ChoiceField(
        label="A pull needs a valid signature",
        choices=[(one.value, title) for one, title in TITLES.items()],
        widget=forms.RadioSelect,
    )


class SignatureRequirementPage(RepositoryRules):
    """The choice, with the dry run beside it; making pulls fail is confirmed first."""

    template = "ui/rules/signatures.html"
    section = "signature_requirement"

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        return self.answer(
            RequirementForm(initial={"requirement": self.repository.signature_requirement})
        )

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        form = self.filled(RequirementForm(request.POST))
        requirement = SignatureRequirement(form.cleaned_data["requirement"])
        if requirement == SignatureRequirement.REQUIRED and "confirmed" not in request.POST:
            return self.answer(form, must_confirm=True)
        require_signatures(
            repository=self.repository, requirement=requirement, now=self.now, by=self.by
        )
        return self.done(f"{TITLES[requirement]}.", "ui:signature_requirement", **self.where)

    def answer(self, form: Any = None, **options: Any) -> HttpResponse:
        tags = Tag.objects.alive(at=self.now).filter(repository=self.repository)
        rows = tags.select_related("manifest").only(
            "name", "manifest__digest", "manifest__kind", "repository"
        )
        page = page_of(self.request, rows, order=("name",), size=LOOKED_AT)
        refused = refusals(repository=self.repository, tags=page.rows, now=self.now)
        namespace = self.repository.namespace
        days = unsigned_pulls(self.repository, self.now.date())
        return self.render(
            form=form,
            requirement=SignatureRequirement(self.repository.signature_requirement),
            page=page,
            refused=[(tag, refused[tag.name]) for tag in page.rows if tag.name in refused],
            days=days,
            plot=_plot(days, self.now.date()),
            has_keys=PublicKey.objects.filter(namespace=namespace).exists(),
            is_unsettled=Keyring.objects.unsettled().filter(namespace=namespace).exists(),
            **options,
        )


def unsigned_pulls(repository: Repository, today: date) -> Sequence[UnsignedPulls]:
    """The counts of the last ``DAYS`` days, the newest first."""
    since = today - timedelta(days=DAYS)
    rows = UnsignedPulls.objects.filter(repository=repository, day__gt=since)
    return list(rows.order_by("-day", "requirement"))


def _plot(days: Sequence[UnsignedPulls], today: date) -> Sequence[tuple[str, int]]:
    """A bar for each day, those without pulls too."""
    counts: Counter[date] = Counter()
    for one in days:
        counts[one.day] += one.count
    shown = (today - timedelta(days=ago) for ago in reversed(range(DAYS)))
    return [(day.isoformat(), counts[day]) for day in shown]
