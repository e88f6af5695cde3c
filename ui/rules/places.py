"""Pages of rules that a namespace and a repository both have, each at its own addresses."""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from django.http import HttpResponse
from django.urls import reverse

from accounts.users.models import Namespace
from registry.repositories.models import Repository
from ui.pages import NamespacePage, Page, RepositoryPage

# Pages that both have.
SHARED = ("policy", "policy_change", "retention", "retention_run", "immutability")


class Section(NamedTuple):
    """An entry of the second row of tabs."""

    page: str
    title: str
    icon: str


class PlacePage(Page):
    """A page about the rules of one place; ``section`` marks an entry of the second row of tabs.

    The same page has the name ``retention`` for a namespace and ``repository_retention`` for a
    repository.
    """

    section: ClassVar[str] = ""
    sections: ClassVar[Sequence[Section]] = ()
    prefix: ClassVar[str] = ""
    head: ClassVar[str]

    @property
    def place(self) -> Namespace | Repository:
        raise NotImplementedError

    @property
    def where(self) -> dict[str, str]:
        """What the routes of this place have in them."""
        raise NotImplementedError

    def name_of(self, page: str) -> str:
        return f"ui:{self.prefix}{page}"

    def address(self, page: str, **more: Any) -> str:
        return reverse(self.name_of(page), kwargs={**self.where, **more})

    def changed(self, text: str, page: str) -> HttpResponse:
        return self.done(text, self.name_of(page), **self.where)

    def context(self) -> dict[str, Any]:
        return {
            **super().context(),
            "place": self.place,
            "head": self.head,
            "section": self.section,
            "addresses": {page: self.address(page) for page in SHARED},
            "sections": [
                (one, reverse(f"ui:{one.page}", kwargs=self.where)) for one in self.sections
            ],
        }


class NamespaceRules(PlacePage, NamespacePage):
    """For those who administer an organization, and for people in what is theirs."""

    standing = {"GET": "administrator", "POST": "administrator"}
    head = "ui/parts/namespace_head.html"

    @property
    def place(self) -> Namespace:
        return self.namespace

    @property
    def where(self) -> dict[str, str]:
        return {"namespace": self.namespace.name}


class NamespaceTagRules(NamespaceRules):
    """What becomes of tags, in three pages under one tab."""

    tab = "retention"
    sections = (
        Section("retention", "Retention rules", "calendar-clock"),
        Section("time_machine", "Time machine", "history"),
        Section("immutability", "Immutable tags", "lock"),
    )


class RepositoryRules(PlacePage, RepositoryPage):
    """For those who administer a repository."""

    actions = {"GET": "*", "POST": "*"}
    tab = "rules"
    prefix = "repository_"
    head = "ui/parts/repository_head.html"
    sections = (
        Section("rules", "Rules in force", "list-checks"),
        Section("repository_policy", "Artifact policy", "shield-check"),
        Section("repository_retention", "Retention", "calendar-clock"),
        Section("repository_immutability", "Immutable tags", "lock"),
        Section("signature_requirement", "Signatures", "badge-check"),
    )

    @property
    def place(self) -> Repository:
        return self.repository

    @property
    def where(self) -> dict[str, str]:
        return {"repository": self.repository.path}

    def context(self) -> dict[str, Any]:
        return {**super().context(), "kind": self.repository.kind}
