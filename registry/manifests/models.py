"""Manifests and what they refer to: blobs, child manifests, a subject."""

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, cast
from uuid import uuid4

from django.db import models
from django.db.models import Case, F, Q, Value, When

from artifacts.kinds.kinds import Kind
from artifacts.oci.digest import MAX_LENGTH as MAX_DIGEST_LENGTH
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.expiry import ExpirySource, TagTerms, terms_of
from artifacts.oci.media_types import INDEXES
from artifacts.text import kept_json
from registry.blobs.models import BlobLink
from registry.repositories.models import Repository
from registry.rows.fields import AsciiField

if TYPE_CHECKING:
    from registry.tags.models import Tag

# Of which ``registry.inspection`` reads the content; of all others ``inspected_at`` stays empty.
INSPECTED = (Kind.ATTESTATION, Kind.HELM_CHART, Kind.SIGNATURE)
LISTED_BYTES = 64 * 1024  # of a manifest whose annotations lists show


class ManifestQuerySet(models.QuerySet["Manifest"]):
    def present(self) -> Self:
        """Manifests that nobody deleted."""
        return self.filter(deleted_at=None)

    def referrers_of(self, subject: str, *, artifact_type: str = "") -> Self:
        referrers = self.present().filter(subject_digest=subject)
        return referrers.filter(artifact_type=artifact_type) if artifact_type else referrers

    def to_inspect(self) -> Self:
        """Manifests whose content nobody has looked into yet, though it says something."""
        return self.filter(inspected_at=None, kind__in=INSPECTED)

    def for_lists(self) -> Self:
        """Without bodies and labels, and with the annotations of small manifests only.

        Annotations may be as large as a manifest may be, so a list of them has no bound.
        ``annotations`` of the others are empty.
        """
        brief = Case(
            When(size__lte=LISTED_BYTES, then=F("annotations_json")),
            default=Value("{}"),
            output_field=models.TextField(),
        )
        return self.annotate(brief_annotations=brief).defer(
            "body", "labels_json", "annotations_json"
        )

    def listing(self, digests: Collection[Any], *, repository: Any) -> Self:
        """Of these manifests those of a repository that list one of ``digests``. Not ordered."""
        return self._in(repository).filter(children__child_digest__in=digests)

    def naming(self, digest: Any, *, repository: Any) -> tuple[Self, ...]:
        """Of these manifests those that keep the blob ``digest`` in ``repository``: that need it,
        list it, or have it as their subject. Both may be ``OuterRef``. Not ordered.
        """
        needing = {"blobs__link__blob": digest, "blobs__link__repository": repository}
        return (
            self._in(repository).filter(**needing),
            self.listing([digest], repository=repository),
            self.filter(repository=repository, subject_digest=digest).exclude(subject_digest=""),
        )

    def _in(self, repository: Any) -> Self:
        # No index leads to this sum: else SQLite reads the whole repository, not what is named.
        return self.alias(home=F("repository_id") + 0).filter(home=repository)


ManifestManager = models.Manager.from_queryset(ManifestQuerySet)


class Manifest(models.Model):
    """One manifest in one repository, with the exact bytes that were pushed.

    ``subject_digest`` is no foreign key: a subject may arrive later, or never.
    ``annotations_json`` is text: nothing asks the database about what it holds.
    """

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="manifests")
    digest = AsciiField(max_length=MAX_DIGEST_LENGTH)
    media_type = models.CharField(max_length=255)
    artifact_type = models.CharField(max_length=255, blank=True)
    config_media_type = models.CharField(max_length=255, blank=True)
    subject_digest = AsciiField(max_length=MAX_DIGEST_LENGTH, blank=True)
    kind = models.CharField(
        max_length=20, choices=[(kind, kind) for kind in Kind], default=Kind.ARTIFACT
    )
    annotations_json = models.TextField(default="{}")
    labels_json = models.TextField(default="{}", help_text="labels of an image's config")
    size = models.PositiveIntegerField(help_text="bytes of the manifest itself")
    body = models.BinaryField()
    pushed_at = models.DateTimeField()
    last_pushed_at = models.DateTimeField(help_text="the lease that garbage collection respects")
    deleted_at = models.DateTimeField(null=True, blank=True)
    last_pulled_at = models.DateTimeField(
        null=True, blank=True, help_text="to the hour: most pulls do not write"
    )
    inspected_at = models.DateTimeField(
        null=True, blank=True, help_text="when its content was looked into, for charts and the like"
    )

    brief_annotations: str | None = None  # instead of ``annotations_json``, from ``for_lists``

    objects = ManifestManager()

    if TYPE_CHECKING:
        id: int
        repository_id: int
        tags: models.Manager[Tag]
        blobs: models.Manager["ManifestBlob"]
        children: models.Manager["ManifestChild"]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["repository", "digest"], name="one_row_per_manifest_and_repository"
            ),
        ]
        indexes = [
            models.Index(
                fields=["repository", "subject_digest", "digest"],
                condition=~Q(subject_digest=""),
                name="manifest_referrers",
            ),
            models.Index(fields=["digest", "id"], name="manifest_by_digest"),
            models.Index(fields=["last_pushed_at"], name="manifest_leases"),
            models.Index(
                fields=["deleted_at"],
                condition=Q(deleted_at__isnull=False),
                name="manifest_deletions",
            ),
            models.Index(
                fields=["id"],
                condition=Q(inspected_at=None, kind__in=INSPECTED),
                name="manifest_to_inspect",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}"

    @cached_property
    def document(self) -> ManifestDocument:
        """What ``body`` says. Raises ``ManifestInvalid`` where older, laxer rules let it in."""
        return ManifestDocument.parse(bytes(self.body), self.media_type)

    @property
    def facts(self) -> dict[str, str | int | None]:
        """What events say about it."""
        return {
            "digest": self.digest,
            "media_type": self.media_type,
            "artifact_type": self.artifact_type or None,
            "kind": self.kind,
            "size": self.size,
        }

    @property
    def annotations(self) -> Mapping[str, str]:
        brief = self.brief_annotations
        text = self.annotations_json if brief is None else brief
        return cast("Mapping[str, str]", kept_json(text))

    @property
    def labels(self) -> Mapping[str, str]:
        return cast("Mapping[str, str]", kept_json(self.labels_json))

    @property
    def terms(self) -> TagTerms:
        """What it asks for the tags that point at it."""
        source = ExpirySource.IMAGES if self.media_type in INDEXES else ExpirySource.LABEL
        return terms_of(self.annotations, self.labels, label_source=source)


class ManifestBlob(models.Model):
    """A manifest needs a blob that its repository holds."""

    manifest = models.ForeignKey(Manifest, models.CASCADE, related_name="blobs")
    link = models.ForeignKey(BlobLink, models.RESTRICT, related_name="manifests")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["manifest", "link"], name="one_edge_to_a_blob"),
        ]

    def __str__(self) -> str:
        return f"{self.manifest_id} needs {self.link_id}"


class ManifestChild(models.Model):
    """A manifest names what may be a manifest, a blob, or not there: an index can be sparse.

    What an index lists, the layers of an image that the repository did not hold, and those
    that it holds as a manifest too. Some indexes list blobs, such as the caches of BuildKit.
    """

    parent = models.ForeignKey(Manifest, models.CASCADE, related_name="children")
    child_digest = AsciiField(max_length=MAX_DIGEST_LENGTH, db_index=True)

    class Meta:
        verbose_name_plural = "manifest children"
        constraints = [
            models.UniqueConstraint(
                fields=["parent", "child_digest"], name="one_edge_to_a_child_manifest"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.parent_id} names {self.child_digest}"


class ManifestLabel(models.Model):
    """A label that somebody put on a manifest, beside those that its image has.

    It goes with the manifest: a digest that is deleted and pushed anew within the time machine
    has its labels still.
    """

    manifest = models.ForeignKey(Manifest, models.CASCADE, related_name="own_labels")
    uuid = models.UUIDField(unique=True, default=uuid4)
    key = models.CharField(max_length=255)
    value = models.TextField()
    media_type = models.CharField(max_length=32, default="text/plain")

    def __str__(self) -> str:
        return f"{self.key} on {self.manifest_id}"
