"""The packages in which two manifests differ, as the SBOMs say that are attached to them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from artifacts.documents.documents import read_document
from artifacts.documents.opening import MAX_DOCUMENT_BYTES, NotShown
from artifacts.documents.sboms import Component, Sbom
from artifacts.oci.digest import Digest
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.verification.reads import attached_to
from ui.comparison.sides import ComparisonBase, Side
from ui.comparison.tables import Table, table
from ui.contents.manifest import Unreadable, document_in, read_whole
from ui.display.costly import costly
from ui.display.text import shown

MAX_LOOKED_INTO: Final = 6  # of what is attached to each
MAX_OPENED: Final = 6  # documents of each of those
_NO_PACKAGES: Final = ("file", "operating-system")


@dataclass(frozen=True, slots=True)
class Packages:
    """What one side has, by name; ``digest`` is of the manifest that has the SBOM.

    ``problem`` says why nothing is known, as a sentence.
    """

    versions: Mapping[str, str]
    digest: str = ""
    form: str = ""
    left_out: int = 0
    problem: str = ""


class ComparePackagesPage(ComparisonBase):
    template = "ui/comparison/packages.html"

    def about(self, a: Side, b: Side) -> dict[str, Any]:
        with costly():
            old, new = (packages_of(self.repository, side, self.now) for side in (a, b))
        problems = [one.problem for one in (old, new) if one.problem]
        return {
            "part": "packages",
            "told": problems,
            "old": old,
            "new": new,
            "tables": [] if problems else [_compared(old, new)],
        }


def packages_of(repository: Repository, side: Side, now: datetime) -> Packages:
    """The packages of the newest SBOM that is attached and can be read."""
    attached = attached_to(repository, Digest.parse(side.manifest.digest), now=now)
    name, reason = shown(side.text, 80), ""
    for one in [*attached.sboms, *attached.attestations][:MAX_LOOKED_INTO]:
        for result in _opened(repository, one.manifest, now):
            if isinstance(result, Sbom):
                versions = _versions(result.components)
                return Packages(versions, one.digest, shown(result.form, 100), result.left_out)
            reason = reason or result
    if reason:
        return Packages({}, problem=f"No SBOM of {name} could be read: one {reason}.")
    return Packages({}, problem=f"No SBOM is attached to {name}.")


def _opened(repository: Repository, manifest: Manifest, now: datetime) -> Iterator[Sbom | str]:
    """The SBOMs of one attached manifest, and why others of its documents are not read."""
    document = document_in(manifest)
    for layer in document.layers[:MAX_OPENED] if document else ():
        try:
            content = read_whole(repository, layer, limit_bytes=MAX_DOCUMENT_BYTES, now=now)
            sbom = read_document(content).sbom
        except Unreadable as error:
            yield f"cannot be had, because {shown(str(error), 300)}"
        except NotShown as error:
            yield shown(str(error), 300)
        else:
            if sbom is not None:
                yield sbom


def _versions(components: Sequence[Component]) -> Mapping[str, str]:
    versions_by_name: dict[str, set[str]] = {}
    for one in components:
        if one.kind not in _NO_PACKAGES:
            versions_by_name.setdefault(_name(one), set()).add(one.version)
    return {name: ", ".join(sorted(versions)) or "?" for name, versions in versions_by_name.items()}


def _name(one: Component) -> str:
    """A package by its kind and name, as its purl says without the version."""
    purl = one.purl.removeprefix("pkg:").partition("?")[0].partition("#")[0]
    return purl.rpartition("@")[0] or purl or one.name


def _compared(old: Packages, new: Packages) -> Table:
    return table("Packages", old.versions, new.versions)
