"""A manifest on its way in: what a client pushes, and what that is held to by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from artifacts.oci.digest import DEFAULT_ALGORITHM, Digest
from artifacts.oci.documents import ManifestDocument, Place
from artifacts.oci.errors import DigestInvalid, NameInvalid, PreconditionFailed
from artifacts.oci.names import Reference
from registry.repositories.models import Repository
from registry.repositories.paths import repository_path


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of what is there for a request to happen: RFC 9110, 13.1.1 and 13.1.2.

    ``None`` where the header is absent. ``"*"`` stands for any digest.
    """

    if_match: frozenset[str] | None = None
    if_none_match: frozenset[str] | None = None

    def check(self, current: str | None) -> None:
        """Let a push pass or raise ``PreconditionFailed``."""
        self.check_match(current)
        if self.excludes(current):
            raise PreconditionFailed(f"If-None-Match: the current manifest is {current}")

    def check_match(self, current: str | None) -> None:
        if self.if_match is not None and not _names(self.if_match, current):
            raise PreconditionFailed(f"If-Match: the current manifest is {current or 'none'}")

    def excludes(self, current: str | None) -> bool:
        """Whether ``If-None-Match`` names what is there: a reader has it, a pusher minds it."""
        return self.if_none_match is not None and _names(self.if_none_match, current)


UNCONDITIONAL = Condition()


@dataclass(frozen=True)
class Draft:
    """A manifest as it is pushed. ``document`` is what ``body`` says.

    ``tags`` come beside the one of ``reference``. ``condition`` must hold of what each of them
    points at, or of what has the digest where there is no tag.
    """

    repository: Repository
    reference: Reference
    body: bytes
    document: ManifestDocument
    tags: Sequence[str] = ()
    condition: Condition = UNCONDITIONAL

    @cached_property
    def digest(self) -> Digest:
        """Raises ``DigestInvalid`` when it is pushed by another one."""
        expected = self.reference.digest
        digest = self.document.digest_of(
            self.body, expected.algorithm if expected else DEFAULT_ALGORITHM
        )
        if expected and expected != digest:
            raise DigestInvalid(f"the manifest has the digest {digest}", digest=str(expected))
        return digest

    @cached_property
    def names(self) -> Sequence[str]:
        """The tags that are to point at it, each once and in order.

        Raises ``NameInvalid`` for a manifest that says that it belongs elsewhere.
        """
        tags = {*self.tags, *([self.reference.tag] if self.reference.tag else [])}
        if self.document.place:
            return _names_in(self.document.place, self.repository, tags)
        return sorted(tags)

    @property
    def target(self) -> str:
        """What it is called where its push is told of."""
        path = self.repository.path
        return f"{path}:{self.names[0]}" if self.names else f"{path}@{self.digest}"


def _names_in(place: Place, repository: Repository, tags: set[str]) -> list[str]:
    """A manifest that names its own tag gets it also when it is pushed by digest."""
    if repository_path(place.repository) != repository.path:
        raise NameInvalid(
            f"the manifest is for the repository {place.repository}, not {repository.path}",
            name=place.repository,
        )
    if others := sorted(tags - {place.tag}):
        reason = f"the manifest is for the tag {place.tag}, not {others[0]}"
        raise NameInvalid(reason, tag=place.tag)
    return [place.tag] if place.tag else []


def _names(tags: frozenset[str], current: str | None) -> bool:
    return current is not None and ("*" in tags or current in tags)
