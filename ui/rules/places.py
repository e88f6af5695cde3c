"""Pages of rules that a namespace and a repository both have, each at its own addresses."""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from django.urls import reverse

from accounts.users.models import Namespace
from registry.repositories.models import Repository
from ui.places import NamespacePlace, PlacePage, RepositoryPlace

# Pages that both have.
SHARED = ("policy", "policy_change", "retention", "retention_run", "immutability")


class Section(NamedTuple):
    """An entry of the second row of tabs."""

    page: str
    title: str
    icon: str


class RulePage(PlacePage):
    """A page about the rules of one place; ``section`` marks an entry of the second row of tabs."""

    section: ClassVar[str] = ""
    sections: ClassVar[Sequence[Section]] = ()

    @property
    def place(self) -> Namespace | Repository:
        raise NotImplementedError

    def context(self) -> dict[str, Any]:
        return {
            **super().context(),
            "section": self.section,
            "addresses": {page: self.address(page) for page in SHARED},
            "sections": [
                (one, reverse(f"ui:{one.page}", kwargs=self.where)) for one in self.sections
            ],
        }


class NamespaceRules(NamespacePlace, RulePage):
    pass


class NamespaceTagRules(NamespaceRules):
    """What becomes of tags, in three pages under one tab."""

    tab = "retention"
    sections = (
        Section("retention", "Retention rules", "calendar-clock"),
        Section("time_machine", "Time machine", "history"),
        Section("immutability", "Immutable tags", "lock"),
    )


class RepositoryRules(RepositoryPlace, RulePage):
    tab = "rules"
    sections = (
        Section("rules", "Rules in force", "list-checks"),
        Section("repository_policy", "Artifact policy", "shield-check"),
        Section("repository_retention", "Retention", "calendar-clock"),
        Section("repository_immutability", "Immutable tags", "lock"),
        Section("signature_requirement", "Signatures", "badge-check"),
    )
