"""Roles in repositories, given where a robot is made and on its own page."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Final

from django import forms

from accounts.audit.services import Actor
from accounts.users.models import Robot
from artifacts.oci.names import MAX_NAME_LENGTH
from registry.access.rights import rights_in
from registry.repositories.models import Repository, Role
from registry.repositories.services import grant
from ui.forms import PageForm, typed
from ui.pages import NamespacePage

ROLES: Final = (
    (Role.READ, "Read: pull"),
    (Role.WRITE, "Write: pull, push and delete"),
    (Role.ADMIN, "Admin: everything, these settings too"),
)


class RightsForm(PageForm):
    """A row for each role in a repository; one without a repository says nothing.

    What somebody may not give away is refused like what is not there.
    """

    rows: ClassVar[int] = 1

    def __init__(self, *args: Any, page: NamespacePage, **kwargs: Any) -> None:
        self.page = page
        self.repositories: dict[int, Repository] = {}
        super().__init__(*args, **kwargs)

    def shape(self) -> None:
        for row in range(self.rows):
            self.fields[f"repository_{row}"] = forms.CharField(
                label="Repository",
                required=False,
                max_length=MAX_NAME_LENGTH,
                widget=forms.TextInput(attrs={"spellcheck": "false"}),
            )
            self.fields[f"role_{row}"] = forms.ChoiceField(
                label="Role", required=False, choices=ROLES, initial=Role.WRITE
            )
            self.page.suggest(self, f"repository_{row}", "repository")
        path = typed(self.page.request.GET, "repository", most=MAX_NAME_LENGTH)
        self.fields["repository_0"].initial = path

    @property
    def rights(self) -> Sequence[tuple[forms.BoundField, forms.BoundField]]:
        return [(self[f"repository_{row}"], self[f"role_{row}"]) for row in range(self.rows)]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for row in range(self.rows):
            path = data.get(f"repository_{row}", "")
            repository = self._repository(path) if path else None
            if path and repository is None:
                self.add_error(f"repository_{row}", f"You administer no repository {path!r}.")
            if repository is not None:
                self.repositories[row] = repository
        return data

    def _repository(self, path: str) -> Repository | None:
        """The repository, where the visitor may give roles in it."""
        repository = Repository.objects.filter(path=path).first()
        if repository is None:
            return None
        if self.page.is_opened and repository.namespace_id == self.page.namespace.pk:
            return repository
        rights = rights_in(principal=self.page.visitor, path=path, repository=repository)
        return repository if "*" in rights else None

    def give(self, robot: Robot, *, now: datetime, by: Actor) -> int:
        """Give the robot what the rows say; returns in how many repositories."""
        for row, repository in self.repositories.items():
            role = Role(self.cleaned_data[f"role_{row}"] or Role.WRITE)
            grant(repository=repository, role=role, holder=robot, now=now, by=by)
        return len(self.repositories)
