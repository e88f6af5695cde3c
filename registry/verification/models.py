"""Keys that signatures are checked with, what the checks said, and the pulls they concerned."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import ExpressionWrapper, F, Q

from accounts.users.models import Namespace
from artifacts.oci.digest import MAX_LENGTH as MAX_DIGEST_LENGTH
from artifacts.signatures.verdicts import State
from registry.manifests.models import Manifest
from registry.repositories.models import Repository, SignatureRequirement

STATES = [(state, state) for state in State]


class KeyringQuerySet(models.QuerySet["Keyring"]):
    def unsettled(self) -> Self:
        """Keyrings that changed since all verdicts were reached with them."""
        return self.filter(settled_version__lt=F("version"))


KeyringManager = models.Manager.from_queryset(KeyringQuerySet)


class Keyring(models.Model):
    """The keys of one namespace. ``version`` grows with every change of them.

    Verdicts keep the version they were reached under, so what has to be looked
    at again stands in rows. There is no row before the first key.
    """

    namespace = models.OneToOneField(Namespace, models.CASCADE, related_name="keyring")
    version = models.PositiveBigIntegerField(default=0)
    settled_version = models.PositiveBigIntegerField(
        default=0, help_text="no verdict is older than this version"
    )

    objects = KeyringManager()

    if TYPE_CHECKING:
        namespace_id: int

    def __str__(self) -> str:
        return f"{self.namespace} at version {self.version}"


class PublicKey(models.Model):
    """A key whose signatures are valid in every repository of the namespace."""

    namespace = models.ForeignKey(Namespace, models.CASCADE, related_name="public_keys")
    name = models.CharField(max_length=100)
    pem = models.TextField(help_text="as in cosign.pub")
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the key's DER form")
    algorithm = models.CharField(max_length=40)
    created_at = models.DateTimeField()
    added_by = models.CharField(max_length=255)

    if TYPE_CHECKING:
        namespace_id: int

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["namespace", "name"], name="one_public_key_per_name_in_a_namespace"
            ),
            models.UniqueConstraint(
                fields=["namespace", "fingerprint"], name="a_public_key_is_registered_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class VerdictQuerySet(models.QuerySet["Verdict"]):
    def outdated(self, keyring: Keyring) -> Self:
        """Reached before the keys were changed last."""
        return self.filter(
            repository__namespace=keyring.namespace_id, keyring_version__lt=keyring.version
        )

    def valid_signatures(self) -> Self:
        return self.filter(state=State.VALID, is_signature=True)

    def with_age(self) -> Self:
        """``is_outdated`` of each: whether the keys were changed after it was reached."""
        version = F("repository__namespace__keyring__version")
        is_outdated = ExpressionWrapper(
            Q(keyring_version__lt=version), output_field=models.BooleanField()
        )
        return self.annotate(is_outdated=is_outdated)


VerdictManager = models.Manager.from_queryset(VerdictQuerySet)


class Verdict(models.Model):
    """What the check of one layer of a signature or attestation said about one subject.

    It is true of these bytes and these keys, whether or not they are attached
    to the subject any more; who asks must look at that.
    """

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="verdicts")
    subject_digest = models.CharField(max_length=MAX_DIGEST_LENGTH)
    manifest = models.ForeignKey(
        Manifest, models.CASCADE, related_name="verdicts", help_text="the signature's own manifest"
    )
    position = models.PositiveIntegerField(help_text="which layer of it, from 0")
    layer_digest = models.CharField(max_length=MAX_DIGEST_LENGTH, blank=True)
    is_signature = models.BooleanField(help_text="and not an attestation of something else")
    predicate_type = models.TextField(blank=True)
    state = models.CharField(max_length=12, choices=STATES)
    key = models.ForeignKey(
        PublicKey, models.RESTRICT, null=True, blank=True, related_name="verdicts"
    )
    reason = models.TextField(blank=True)
    keyring_version = models.PositiveBigIntegerField()
    checked_at = models.DateTimeField()
    is_outdated = False  # where ``with_age`` did not look

    objects = VerdictManager()

    if TYPE_CHECKING:
        id: int
        manifest_id: int

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["manifest", "subject_digest", "position"],
                name="one_verdict_per_layer_and_subject",
            ),
            models.CheckConstraint(
                condition=Q(state=State.VALID, key__isnull=False)
                | (~Q(state=State.VALID) & Q(key=None)),
                name="exactly_a_valid_verdict_names_its_key",
            ),
        ]
        indexes = [
            models.Index(fields=["repository", "subject_digest"], name="verdicts_about"),
        ]

    def __str__(self) -> str:
        return f"{self.state}: {self.manifest_id} about {self.subject_digest}"


class UnsignedPulls(models.Model):
    """How many pulls from a repository were refused on one day, or would have been."""

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="unsigned_pulls")
    day = models.DateField(help_text="in UTC")
    requirement = models.CharField(max_length=8, choices=SignatureRequirement.choices)
    count = models.PositiveBigIntegerField()
    last_digest = models.CharField(max_length=MAX_DIGEST_LENGTH)
    last_reason = models.TextField()
    last_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "unsigned pulls"
        constraints = [
            models.UniqueConstraint(
                fields=["repository", "day", "requirement"],
                name="one_count_of_unsigned_pulls_per_day",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.count} on {self.day} from {self.repository}"
