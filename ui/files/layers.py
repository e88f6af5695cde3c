"""The files of one layer, folder by folder."""

from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from artifacts.images.files import LayerFile, LayerFiles
from artifacts.images.tree import Node, Tree, TreeFull
from artifacts.oci.descriptors import Descriptor
from artifacts.oci.digest import Digest
from registry.manifests.models import Manifest
from ui.contents.blobs import find_descriptor
from ui.contents.manifest import ManifestBase, document_in
from ui.display.costly import costly
from ui.files.folders import folder_of
from ui.files.listings import listing_of


class LayerBase(ManifestBase):
    """A page about one blob that a manifest names."""

    def layer(self) -> tuple[Manifest, Descriptor]:
        manifest = self.manifest()
        document = document_in(manifest)
        descriptor = find_descriptor(document, self.kwargs["blob"]) if document else None
        if descriptor is None:
            raise Http404
        return manifest, descriptor


class LayerPage(LayerBase):
    template = "ui/files/layer.html"

    def get(self, request: HttpRequest, repository: str, digest: str, blob: str) -> HttpResponse:
        manifest, descriptor = self.layer()
        with costly():
            listing = listing_of(self.repository, Digest.parse(blob), self.now)
            tree = Tree()
            try:
                tree.hold(listing.files)
            except TreeFull as error:
                listing.problem = str(error)
            folder = folder_of(request.GET, tree, parameters={}, url=self._address)
        if folder is None:
            raise Http404
        return self.render(
            crumb="Files of a layer",
            kind=manifest.kind,
            digest=digest,
            layer=descriptor,
            folder=folder,
            problem=problem_of(listing),
        )

    def _address(self, _: str, node: Node) -> str:
        return file_url(self.repository.path, self.kwargs["digest"], self.kwargs["blob"], node.file)


def file_url(repository: str, digest: str, blob: str, file: LayerFile | None) -> str:
    """The page of a file whose content can be read; nothing for others."""
    if file is None or file.kind not in ("file", "hard link") or file.is_whiteout:
        return ""
    kwargs = {"repository": repository, "digest": digest, "blob": blob}
    return f"{reverse('ui:file', kwargs=kwargs)}?{urlencode({'path': file.path})}"


def problem_of(listing: LayerFiles) -> str:
    """Why a list is not whole, as a sentence; else nothing."""
    if not listing.problem:
        return ""
    if not listing.files:
        return f"The files could not be read, because {listing.problem}."
    return f"The list is not whole, because {listing.problem}."
