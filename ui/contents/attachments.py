"""Everything that is attached to one manifest, however much it is."""

from django.http import HttpRequest, HttpResponse

from artifacts.oci.digest import Digest
from registry.verification.reads import attached_manifests
from ui.contents.base import ManifestBase
from ui.contents.referrers import attachments_of, referrer
from ui.paging import page_of


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
