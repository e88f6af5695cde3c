"""Which types may be stored: the policy in force, the others, and what each would refuse."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse

from accounts.organizations.services import select_policy as select_for_organization
from accounts.users.services import namespace_policy
from accounts.users.services import select_policy as select_for_user
from artifacts.policy.configured import configured_policy
from artifacts.policy.models import ArtifactPolicy
from artifacts.policy.rules import Policy
from registry.manifests.models import Manifest
from registry.manifests.policy import refused_among
from registry.repositories.models import Repository
from registry.repositories.policies import effective_policy
from registry.repositories.services import select_policy as select_for_repository
from ui.paging import page_of
from ui.rules.places import NamespaceRules, RepositoryRules, RulePage

MAX_POLICIES = 200
LOOKED_AT = 200  # manifests on one page of the report
INHERITED = "none"


@dataclass(frozen=True, slots=True)
class Choice:
    """A policy that can be chosen; ``value`` is what the form sends."""

    value: str
    title: str
    description: str
    policy: Policy
    is_chosen: bool

    @property
    def types(self) -> Mapping[str, Sequence[str]]:
        return {key: list(layers) for key, layers in self.policy.pairs.items()}


class PolicyPlace(RulePage):
    """What a namespace and a repository say differently."""

    def own_policy(self) -> ArtifactPolicy | None:
        """The place's own policy."""
        return self.place.artifact_policy

    def in_force(self) -> Policy:
        raise NotImplementedError

    def inherited(self) -> tuple[str, Policy]:
        """What holds where the place chooses nothing, with a title."""
        raise NotImplementedError

    def concerned(self) -> QuerySet[Repository]:
        """The repositories in which a choice would hold."""
        raise NotImplementedError

    def select(self, policy: ArtifactPolicy | None) -> None:
        raise NotImplementedError

    def choice(self, value: str) -> Choice:
        """The choice that a form sent. Raises ``Http404``."""
        own = self.own_policy()
        if value == INHERITED:
            title, policy = self.inherited()
            return Choice(INHERITED, title, "", policy, own is None)
        row = ArtifactPolicy.objects.filter(pk=value).first() if _is_number(value) else None
        if row is None:
            raise Http404
        return _choice_of(row, own)


class PolicyList(PolicyPlace):
    template = "ui/rules/policy.html"

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        return self.render(in_force=self.in_force(), choices=list(self._choices()))

    def _choices(self) -> Iterator[Choice]:
        own = self.own_policy()
        yield self.choice(INHERITED)
        for row in ArtifactPolicy.objects.order_by("name")[:MAX_POLICIES]:
            yield _choice_of(row, own)


class PolicyChange(PolicyPlace):
    """What is stored and would no longer be accepted, page by page; then the choice itself."""

    template = "ui/rules/policy_change.html"

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        choice = self.choice(request.GET.get("policy", ""))
        stored = Manifest.objects.present().filter(repository__in=self.concerned().values("pk"))
        page = page_of(
            request,
            stored.only("repository", "digest"),
            order=("repository_id", "digest"),
            size=LOOKED_AT,
        )
        refused = refused_among(
            manifests=[row.pk for row in page.rows], policy=choice.policy, now=self.now
        )
        return self.render(
            choice=choice,
            page=page,
            refused=refused,
            in_force=self.in_force(),
            others=self.not_concerned(),
            crumb="Choose a policy",
        )

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        choice = self.choice(request.POST.get("policy", ""))
        row = None if choice.value == INHERITED else ArtifactPolicy.objects.get(pk=choice.value)
        self.select(row)
        return self.changed(f"Pushes to {self.place} are now judged by: {choice.title}.", "policy")

    def not_concerned(self) -> bool:
        return False


class NamespacePolicyPlace(PolicyPlace, NamespaceRules):
    tab = "policy"

    def in_force(self) -> Policy:
        return namespace_policy(self.namespace)

    def inherited(self) -> tuple[str, Policy]:
        return "as the configuration says", configured_policy()

    def concerned(self) -> QuerySet[Repository]:
        return Repository.objects.filter(namespace=self.namespace, artifact_policy=None)

    def select(self, policy: ArtifactPolicy | None) -> None:
        if self.organization is not None:
            select_for_organization(
                organization=self.organization, policy=policy, now=self.now, by=self.by
            )
        else:
            select_for_user(user=self.namespace.user, policy=policy, now=self.now, by=self.by)


class RepositoryPolicyPlace(PolicyPlace, RepositoryRules):
    section = "repository_policy"

    def in_force(self) -> Policy:
        return effective_policy(self.repository)

    def inherited(self) -> tuple[str, Policy]:
        namespace = self.repository.namespace
        return f"as {namespace.name} says", namespace_policy(namespace)

    def concerned(self) -> QuerySet[Repository]:
        return Repository.objects.filter(pk=self.repository.pk)

    def select(self, policy: ArtifactPolicy | None) -> None:
        select_for_repository(repository=self.repository, policy=policy, now=self.now, by=self.by)


class NamespacePolicy(PolicyList, NamespacePolicyPlace):
    pass


class NamespacePolicyChange(PolicyChange, NamespacePolicyPlace):
    def not_concerned(self) -> bool:
        """Whether some repositories have a policy of their own."""
        theirs = Repository.objects.filter(namespace=self.namespace)
        return theirs.exclude(artifact_policy=None).exists()


class RepositoryPolicy(PolicyList, RepositoryPolicyPlace):
    pass


class RepositoryPolicyChange(PolicyChange, RepositoryPolicyPlace):
    pass


def _choice_of(row: ArtifactPolicy, own: ArtifactPolicy | None) -> Choice:
    is_chosen = own is not None and own.pk == row.pk
    return Choice(str(row.pk), row.name, row.description, row.as_policy("chosen here"), is_chosen)


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 18
