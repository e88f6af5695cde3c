"""How much a repository holds, counted as far as that is quick."""

from dataclasses import dataclass
from datetime import datetime

from registry.blobs.models import BlobLink
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from ui.display.amounts import Amount, counted
from ui.repository_rows import living_tags

MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Contents:
    tags: Amount
    manifests: Amount
    size: Amount  # bytes; what other repositories hold too is part of it

    @property
    def is_empty(self) -> bool:
        return not self.manifests.value


def contents_of(repository: Repository, now: datetime) -> Contents:
    return Contents(
        tags=living_tags(repository, now),
        manifests=counted(Manifest.objects.present().filter(repository=repository), MOST_COUNTED),
        size=_stored_bytes(repository),
    )


def _stored_bytes(repository: Repository) -> Amount:
    links = BlobLink.objects.filter(repository=repository).order_by("pk")
    sizes = list(links.values_list("blob__size", flat=True)[: MOST_COUNTED + 1])
    return Amount(sum(sizes[:MOST_COUNTED]), is_least=len(sizes) > MOST_COUNTED)
