"""Which artifact policy holds in a repository: its own, its organization's, the configuration's."""

from accounts.statements import Prepared
from accounts.users.services import namespace_policy
from artifacts.policy.configured import configured_policy
from artifacts.policy.rules import Policy
from registry.repositories.models import Repository

POLICIES = ("artifact_policy", "namespace__artifact_policy")  # what ``select_related`` needs
_IS_SELECTED = Prepared(
    lambda pk: (
        Repository.objects.filter(pk=pk)
        .exclude(artifact_policy=None, namespace__artifact_policy=None)
        .values_list("pk")
    )
)


def effective_policy(repository: Repository) -> Policy:
    """The policy that judges what is pushed to ``repository`` now."""
    if not _IS_SELECTED.rows(repository.id):
        return configured_policy()
    row = Repository.objects.select_related(*POLICIES).filter(pk=repository.pk).first()
    return selected_policy(row) if row else configured_policy()


def selected_policy(repository: Repository) -> Policy:
    """The same for a row that was read with ``POLICIES``."""
    if repository.artifact_policy:
        source = f"selected by the repository {repository.path}"
        return repository.artifact_policy.as_policy(source)
    return namespace_policy(repository.namespace)
