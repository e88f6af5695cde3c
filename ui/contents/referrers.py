"""What is attached to a manifest, for a list and for a graph."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from artifacts.kinds.kinds import BUNDLE_PREDICATE, Kind
from artifacts.oci.digest import Digest
from artifacts.signatures.verdicts import State
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.verification.models import Verdict
from registry.verification.reads import Attachment, SignatureState, attached_manifests
from ui.contents.manifest import ManifestBase, document_in
from ui.display.kinds import look_of
from ui.display.text import shown
from ui.paging import page_of

MAX_TYPE_LENGTH = 120
IN_TOTO_PREDICATE = "in-toto.io/predicate-type"
_BEST_FIRST = (State.VALID, State.INVALID, State.UNVERIFIABLE)
_SLSA = "https://slsa.dev/provenance/"
_KNOWN_PREDICATES = (
    (_SLSA, "SLSA provenance"),
    ("https://spdx.dev/", "SPDX"),
    ("https://cyclonedx.org/", "CycloneDX"),
    ("https://cosign.sigstore.dev/attestation/vuln", "Vulnerability report"),
    ("https://in-toto.io/attestation/vulns", "Vulnerability report"),
    ("https://openvex.dev/", "OpenVEX"),
)

MAX_READ: Final = 50  # attestations whose layers are named on one page
MAX_READ_BYTES: Final = 128 * 1024  # of each of their manifests
_MAX_NAMES = 6


@dataclass(frozen=True, slots=True)
class Referrer:
    """One attached manifest as pages name it. ``state`` is empty where nothing was checked."""

    manifest: Manifest
    kind: str
    title: str
    detail: str
    tag: str
    state: str
    key: str
    reason: str
    url: str

    @property
    def signature(self) -> SignatureState | None:
        """For ``ui/parts/verdict.html``."""
        return SignatureState(State(self.state), self.reason, self.key) if self.state else None


class ReferrersPage(ManifestBase):
    template = "ui/contents/referrers.html"

    def get(self, request: HttpRequest, repository: str, digest: str) -> HttpResponse:
        manifest = self.manifest()
        rows = attached_manifests(self.repository, Digest.parse(digest), now=self.now)
        page = page_of(
            request,
            rows,
            order=("-pushed_at", "-id"),
            key=lambda row: [row.pushed_at.isoformat(), row.id],
        )
        return self.render(
            crumb="Attached",
            manifest=manifest,
            page=page,
            referrers=[referrer(self.repository, one) for one in attachments_of(page.rows, digest)],
        )


def referrer(repository: Repository, one: Attachment) -> Referrer:
    best = _best(one.verdicts)
    kwargs = {"repository": repository.path, "digest": one.digest}
    return Referrer(
        manifest=one.manifest,
        kind=one.kind,
        title=look_of(one.kind).name,
        detail=_detail(one),
        tag=one.tag,
        state=best.state if best else "",
        key=best.key.name if best and best.key else "",
        reason=best.reason if best else "",
        url=reverse("ui:manifest", kwargs=kwargs),
    )


def attachments_of(manifests: Sequence[Manifest], subject: str = "") -> list[Attachment]:
    """Manifests that were found as referrers, with what their checks said; in one query.

    ``subject`` is what all of them refer to, unless each names its own.
    """
    verdicts: dict[tuple[int, str], list[Verdict]] = {}
    rows = Verdict.objects.filter(manifest__in=[row.id for row in manifests])
    for verdict in rows.select_related("key").order_by("manifest", "position"):
        verdicts.setdefault((verdict.manifest_id, verdict.subject_digest), []).append(verdict)
    return [
        Attachment(
            row,
            Kind(row.kind),
            verdicts=tuple(verdicts.get((row.id, subject or row.subject_digest), ())),
        )
        for row in manifests
    ]


def second_level(
    repository: Repository, firsts: Iterable[Attachment], *, limit: int
) -> Mapping[str, Sequence[Attachment]]:
    """What is attached to what is attached: the signature of an SBOM, say. In two queries."""
    digests = [one.digest for one in firsts]
    rows = (
        Manifest.objects.present()
        .filter(repository=repository.id, subject_digest__in=digests)
        .for_lists()
        .order_by("subject_digest", "digest")[:limit]
    )
    by_subject: dict[str, list[Attachment]] = {}
    for one in attachments_of(list(rows)):
        by_subject.setdefault(one.manifest.subject_digest, []).append(one)
    return by_subject


def _best(verdicts: Sequence[Verdict]) -> Verdict | None:
    for state in _BEST_FIRST:
        for verdict in verdicts:
            if verdict.state == state:
                return verdict
    return None


def _detail(one: Attachment) -> str:
    predicates = [verdict.predicate_type for verdict in one.verdicts if verdict.predicate_type]
    annotations = one.manifest.annotations
    predicate = next(iter(predicates), "") or annotations.get(BUNDLE_PREDICATE, "")
    predicate = predicate or annotations.get(IN_TOTO_PREDICATE, "")
    if one.kind == Kind.ATTESTATION and predicate:
        return shown(predicate_name(predicate), MAX_TYPE_LENGTH)
    if one.tag:  # what cosign keeps under tags borrows the types of images
        return f"a tag that ends in .{one.tag.rpartition('.')[2]}"
    return shown(one.manifest.artifact_type or one.manifest.media_type, MAX_TYPE_LENGTH)


def is_provenance(predicate_type: str) -> bool:
    return predicate_type.startswith(_SLSA)


def predicate_name(predicate_type: str) -> str:
    """What people call a predicate, with its version where it has one."""
    for prefix, name in _KNOWN_PREDICATES:
        if predicate_type.startswith(prefix):
            last = predicate_type.rstrip("/").rpartition("/")[2]
            return f"{name} {last}" if last.startswith("v") else name
    return predicate_type


def stated_by(repository: Repository, digests: Iterable[str]) -> Mapping[str, str]:
    """What each of these attestations states, in words; in one query."""
    here = Manifest.objects.present().filter(repository=repository.id, digest__in=list(digests))
    rows = here.filter(size__lte=MAX_READ_BYTES)
    manifests = rows.only("digest", "body", "media_type", "size").order_by("digest")[:MAX_READ]
    return {row.digest: statements_in(row) for row in manifests}


def statements_in(attestation: Manifest) -> str:
    """``SLSA provenance v1, SPDX (6)``: what the layers state, provenance first."""
    document = document_in(attestation)
    predicates = Counter(
        predicate
        for layer in (document.layers if document else ())
        if (predicate := layer.annotations.get(IN_TOTO_PREDICATE, ""))
    )
    names: Counter[str] = Counter()
    for predicate in sorted(predicates, key=lambda one: not is_provenance(one)):
        names[predicate_name(predicate)] += predicates[predicate]
    texts = [
        f"{shown(name, 120)} ({count})" if count > 1 else shown(name, 120)
        for name, count in list(names.items())[:_MAX_NAMES]
    ]
    rest = len(names) - len(texts)
    return ", ".join(texts) + (f" and {rest} more" if rest > 0 else "")
