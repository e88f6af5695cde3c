"""Whether a manifest may come in, judged by its types alone."""

from django.conf import settings

from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import Denied, ManifestTypeUnsupported, OCIError
from artifacts.oci.media_types import INDEXES, OCI_INDEX, OCI_MANIFEST
from artifacts.policy.rules import Policy
from registry.repositories.models import Repository
from registry.repositories.policies import effective_policy


class BlockedByPolicy(Denied):
    """The artifact policy blocks one of the manifest's types.

    Not ``MANIFEST_INVALID``: podman and skopeo would convert the image and try again.
    """


def admit(*, repository: Repository, document: ManifestDocument) -> None:
    """Let the manifest pass or raise.

    Raises:
        ManifestTypeUnsupported: OCI is switched off. Clients then push Docker's format.
        BlockedByPolicy: the repository's artifact policy does not allow one of its types.
    """
    refusal = _refusal_of_format(document)
    # No policy judges an index, so none is looked up for it.
    if refusal is None and document.media_type not in INDEXES:
        refusal = _refusal_of_types(effective_policy(repository), document)
    if refusal:
        raise refusal


def refusal_of(policy: Policy, document: ManifestDocument) -> OCIError | None:
    """What a push of the manifest is answered under ``policy``; nothing when it is taken."""
    return _refusal_of_format(document) or _refusal_of_types(policy, document)


def _refusal_of_format(document: ManifestDocument) -> OCIError | None:
    is_oci = document.media_type in (OCI_MANIFEST, OCI_INDEX)
    if settings.FEATURE_GENERAL_OCI_SUPPORT or not is_oci:
        return None
    return ManifestTypeUnsupported(
        "this registry takes no OCI manifests, only Docker's:"
        " FEATURE_GENERAL_OCI_SUPPORT is false in the configuration"
    )


def _refusal_of_types(policy: Policy, document: ManifestDocument) -> OCIError | None:
    verdict = policy.decide(document)
    if verdict.is_allowed:
        return None
    return BlockedByPolicy(verdict.reason, blocked=verdict.blocked, policy=policy.name)
