"""Which tags of a repository are signed, by which keys, and what else speaks about them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

from artifacts.kinds.kinds import SIGSTORE_BUNDLE, Kind
from artifacts.signatures.verdicts import State
from registry.repositories.models import administered_namespaces
from registry.tags.models import Tag
from registry.verification.models import PublicKey, Verdict
from registry.verification.reads import Attachment, SignatureState, overview_of, summary_of
from ui.commands.address import Address, Registry
from ui.commands.cosign import sign
from ui.contents.referrers import predicate_name
from ui.display.text import shown
from ui.paging import page_of
from ui.tags.pages import TagsPage

PAGE_SIZE = 30
MAX_LISTED = 5  # of each group, at one tag
_BEST_FIRST = (State.VALID, State.INVALID, State.UNVERIFIABLE)


@dataclass(frozen=True, slots=True)
class Proof:
    """A signature, an attestation or an SBOM: its kind, what it is, and what its check said."""

    kind: str
    digest: str
    form: str
    what: str
    signature: SignatureState | None


@dataclass(frozen=True, slots=True)
class SignedRow:
    tag: Tag
    signature: SignatureState
    proofs: Sequence[Proof]
    left_out: int


class SignaturesPage(TagsPage):
    template = "ui/tags/signatures.html"
    tab = "signatures"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        alive = Tag.objects.alive(at=self.now).filter(repository=self.repository.id)
        tags = alive.companions(False).select_related("manifest")
        page = page_of(
            request,
            tags.defer("manifest__body", "manifest__annotations_json", "manifest__labels_json"),
            order=("-started_at", "-name"),
            size=PAGE_SIZE,
        )
        keys = PublicKey.objects.filter(namespace=self.repository.namespace_id).order_by("name")
        home = administered_namespaces(self.visitor).filter(pk=self.repository.namespace_id)
        return self.render(
            page=page,
            rows=self._rows(page.rows),
            keys=list(keys),
            may_see_keys=home.exists(),
            requirement=self.repository.signature_requirement,
            sign_command=self._sign_command(page.rows),
        )

    def _sign_command(self, tags: Sequence[Tag]) -> str:
        if not tags:
            return ""
        digest = tags[0].manifest.digest
        registry = Registry.of(self.request)
        return sign(registry, Address(registry, self.repository.path, digest).by_digest)

    def _rows(self, tags: Sequence[Tag]) -> list[SignedRow]:
        digests = {tag.manifest.digest for tag in tags}
        overviews = overview_of(self.repository, digests, now=self.now)
        rows = []
        for tag in tags:
            overview = overviews[tag.manifest.digest]
            groups = overview.attachments
            proofs = [
                _proof(one, tag.manifest.digest)
                for group in (groups.signatures, groups.attestations, groups.sboms)
                for one in group[:MAX_LISTED]
            ]
            left_out = max(0, overview.count - len(groups.other) - len(proofs))
            rows.append(SignedRow(tag, overview.signature, proofs, left_out))
        return rows


def _proof(one: Attachment, subject: str) -> Proof:
    signature = None
    if one.kind == Kind.SIGNATURE:
        signature = summary_of([one])
    elif one.verdicts:
        signature = _best(one.verdicts)
    return Proof(one.kind, one.digest, _form(one, subject), _what(one), signature)


def _best(verdicts: Iterable[Verdict]) -> SignatureState:
    """What is said of an attestation by the best of its layers."""
    best = min(verdicts, key=lambda verdict: _BEST_FIRST.index(State(verdict.state)))
    return SignatureState.of(best)


def _form(one: Attachment, subject: str) -> str:
    if one.tag:
        return "cosign's tag"
    if one.is_in_index:
        return "listed by the index"
    if one.manifest.subject_digest != subject:
        return "list of referrers under a tag"
    is_bundle = SIGSTORE_BUNDLE.fullmatch(one.manifest.artifact_type)
    return "Sigstore bundle, referrer" if is_bundle else "referrer"


def _what(one: Attachment) -> str:
    if one.kind == Kind.SIGNATURE:  # its types are the tool's, and say nothing more
        return ""
    predicates = sorted({verdict.predicate_type for verdict in one.verdicts} - {""})
    if one.kind == Kind.ATTESTATION and predicates:
        return shown(", ".join(predicate_name(text) for text in predicates[:3]), 150)
    return shown(one.manifest.artifact_type or one.manifest.media_type, 120)
