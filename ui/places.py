"""Pages that several places have, each at its own addresses: a repository, a namespace, and the
registry as a whole."""

from typing import Any, ClassVar

from django.http import HttpResponse
from django.urls import reverse

from accounts.users.models import Namespace
from registry.repositories.models import Repository
from ui.pages import NamespacePage, Page, RepositoryPage, SuperuserPage


class PlacePage(Page):
    """A page about one place. ``head`` is the template that says which.

    The same page has the name ``retention`` for a namespace and ``repository_retention`` for a
    repository.
    """

    prefix: ClassVar[str] = ""
    head: ClassVar[str]

    @property
    def place(self) -> Namespace | Repository | None:
        """``None`` is the registry."""
        raise NotImplementedError

    @property
    def where(self) -> dict[str, str]:
        """What the routes of this place have in them."""
        raise NotImplementedError

    def name_of(self, page: str) -> str:
        return f"ui:{self.prefix}{page}"

    def address(self, page: str, **more: Any) -> str:
        return reverse(self.name_of(page), kwargs={**self.where, **more})

    def changed(self, text: str, page: str, **more: Any) -> HttpResponse:
        return self.done(text, self.name_of(page), **self.where, **more)

    def context(self) -> dict[str, Any]:
        return {**super().context(), "place": self.place, "head": self.head}


class NamespacePlace(PlacePage, NamespacePage):
    """For those who administer an organization, and for people in what is theirs."""

    standing = {"GET": "administrator", "POST": "administrator"}
    head = "ui/parts/namespace_head.html"

    @property
    def place(self) -> Namespace:
        return self.namespace

    @property
    def where(self) -> dict[str, str]:
        return {"namespace": self.namespace.name}


class RepositoryPlace(PlacePage, RepositoryPage):
    """For those who administer a repository."""

    actions = {"GET": "*", "POST": "*"}
    prefix = "repository_"
    head = "ui/parts/repository_head.html"

    @property
    def place(self) -> Repository:
        return self.repository

    @property
    def where(self) -> dict[str, str]:
        return {"repository": self.repository.path}

    def context(self) -> dict[str, Any]:
        return {**super().context(), "kind": self.repository.kind}


class RegistryPlace(PlacePage, SuperuserPage):
    prefix = "registry_"
    head = "ui/parts/registry_head.html"

    @property
    def place(self) -> None:
        return None

    @property
    def where(self) -> dict[str, str]:
        return {}
