"""What may be stored, how long it stays, and whose signatures count."""

from django.urls import path

from ui.rules.immutability import (
    NamespaceImmutability,
    NamespaceRuleRemoval,
    RepositoryImmutability,
    RepositoryRuleRemoval,
)
from ui.rules.keys import KeyRemoval, KeysPage
from ui.rules.overview import RulesPage
from ui.rules.policy import (
    NamespacePolicy,
    NamespacePolicyChange,
    RepositoryPolicy,
    RepositoryPolicyChange,
)
from ui.rules.retention import (
    NamespaceRetention,
    NamespaceRetentionRun,
    RepositoryRetention,
    RepositoryRetentionRun,
)
from ui.rules.signatures import SignatureRequirementPage
from ui.rules.time_machine import TimeMachinePage

_NAMESPACE = "<namespace:namespace>/-"
_REPOSITORY = "<repository:repository>/-/rules"

urlpatterns = [
    path(f"{_NAMESPACE}/policy", NamespacePolicy.as_view(), name="policy"),
    path(f"{_NAMESPACE}/policy/change", NamespacePolicyChange.as_view(), name="policy_change"),
    path(f"{_NAMESPACE}/retention", NamespaceRetention.as_view(), name="retention"),
    path(f"{_NAMESPACE}/retention/run", NamespaceRetentionRun.as_view(), name="retention_run"),
    path(f"{_NAMESPACE}/time-machine", TimeMachinePage.as_view(), name="time_machine"),
    path(f"{_NAMESPACE}/immutable", NamespaceImmutability.as_view(), name="immutability"),
    path(
        f"{_NAMESPACE}/immutable/<int:rule>/remove",
        NamespaceRuleRemoval.as_view(),
        name="immutability_remove",
    ),
    path(f"{_NAMESPACE}/keys", KeysPage.as_view(), name="keys"),
    path(f"{_NAMESPACE}/keys/<int:key>/remove", KeyRemoval.as_view(), name="key_remove"),
    path(_REPOSITORY, RulesPage.as_view(), name="rules"),
    path(f"{_REPOSITORY}/policy", RepositoryPolicy.as_view(), name="repository_policy"),
    path(
        f"{_REPOSITORY}/policy/change",
        RepositoryPolicyChange.as_view(),
        name="repository_policy_change",
    ),
    path(f"{_REPOSITORY}/retention", RepositoryRetention.as_view(), name="repository_retention"),
    path(
        f"{_REPOSITORY}/retention/run",
        RepositoryRetentionRun.as_view(),
        name="repository_retention_run",
    ),
    path(
        f"{_REPOSITORY}/immutable",
        RepositoryImmutability.as_view(),
        name="repository_immutability",
    ),
    path(
        f"{_REPOSITORY}/immutable/<int:rule>/remove",
        RepositoryRuleRemoval.as_view(),
        name="repository_immutability_remove",
    ),
    path(
        f"{_REPOSITORY}/signatures",
        SignatureRequirementPage.as_view(),
        name="signature_requirement",
    ),
]
