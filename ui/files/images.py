"""The files of an image: its layers on top of one another, and what each of them changed."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse

from artifacts.images.files import MAX_CPU_SECONDS, LayerFile
from artifacts.images.tree import Node, Tree, TreeFull, differences
from artifacts.kinds.kinds import Kind
from artifacts.oci.descriptors import Descriptor
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import BlobUnknown
from registry.repositories.models import Repository
from ui.contents.blobs import MAX_LAYERS, may_hold_files
from ui.contents.images import image_of
from ui.contents.manifest import ManifestBase, document_in
from ui.display.costly import costly
from ui.display.text import shown
from ui.files.folders import folder_of
from ui.files.layers import file_url
from ui.files.listings import Listings

NOT_HERE: Final = "its bytes are not here"


@dataclass(slots=True)
class LayerState:
    """A layer, counted from one. ``problem`` is why not all of it is known, after "because";
    ``is_pending`` says that it is known once the page is asked for again."""

    number: int
    digest: str
    size: int
    instruction: str = ""
    problem: str = ""
    is_pending: bool = False


class Stack:
    """The layers of an image, of which as many are read as there is time for.

    ``Busy``, ``StorageUnavailable`` and ``TooManyRequests`` are raised by whatever reads.
    """

    def __init__(self, layers: Sequence[Descriptor], listings: Listings) -> None:
        self.states = [
            LayerState(number, str(layer.digest), max(0, layer.size))
            for number, layer in enumerate(layers[:MAX_LAYERS], 1)
        ]
        self.listed_size = 0  # of all files, those that later layers hide among them
        self._layers = layers
        self._listings = listings
        self._end = time.thread_time() + MAX_CPU_SECONDS

    @property
    def is_pending(self) -> bool:
        return any(state.is_pending for state in self.states)

    def merged(self) -> Tree:
        tree = Tree()
        for state in self.states:
            self._lay(state, tree)
        return tree

    def changes(self, number: int) -> Tree:
        """What the layer of that number added, changed and removed."""
        before, after, changes = Tree(), Tree(), Tree()
        for state in self.states[: number - 1]:
            self._lay(state, before, after)
        self._lay(self.states[number - 1], after)
        changes.root = differences(before.root, after.root)
        return changes

    def _lay(self, state: LayerState, *trees: Tree) -> None:
        files = self._files(state)
        self.listed_size += sum(file.size for file in files if file.kind == "file")
        try:
            for tree in trees:
                tree.add(files, state.number)
        except TreeFull as error:
            state.problem = str(error)

    def _files(self, state: LayerState) -> Sequence[LayerFile]:
        layer = self._layers[state.number - 1]
        if not may_hold_files(layer.media_type):
            state.problem = f"{shown(layer.media_type, 100)} is not read here"
            return ()
        if not self._listings.is_at_hand(layer.digest) and time.thread_time() > self._end:
            state.is_pending = True
            return ()
        try:
            listing = self._listings.of(layer.digest)
        except BlobUnknown:
            state.problem = NOT_HERE
            return ()
        state.problem = listing.problem
        return listing.files


def listings_of(repository: Repository, layers: Sequence[Descriptor], now: datetime) -> Listings:
    """Of all layers that are looked at."""
    return Listings(repository, {layer.digest for layer in layers[:MAX_LAYERS]}, now)


class ImagePage(ManifestBase):
    template = "ui/files/image.html"

    def get(self, request: HttpRequest, repository: str, digest: str) -> HttpResponse:
        manifest = self.manifest()
        document = document_in(manifest)
        if document is None or manifest.kind != Kind.IMAGE or not document.layers:
            raise Http404
        number = _number(request.GET.get("layer", ""), min(len(document.layers), MAX_LAYERS))
        with costly():
            stack = Stack(document.layers, listings_of(self.repository, document.layers, self.now))
            tree = stack.changes(number) if number else stack.merged()
            layers = document.layers

            def url(_: str, node: Node) -> str:
                blob = str(layers[node.layer - 1].digest)
                return file_url(self.repository.path, digest, blob, node.file)

            parameters = {"layer": str(number)} if number else {}
            folder = folder_of(request.GET, tree, parameters=parameters, url=url)
            if folder is None and not stack.is_pending:
                raise Http404
            self._tell(stack, document)
        return self.render(
            crumb="Files",
            kind=manifest.kind,
            digest=digest,
            folder=folder,
            layers=stack.states,
            left_out=len(document.layers) - len(stack.states),
            hidden=stack.listed_size - tree.root.total()[0] if not number else 0,
            chosen=number,
            kept=list(parameters.items()),
            root=f"Layer {number}" if number else "Image",
            root_url=f"?layer={number}" if number else "?",
            is_pending=stack.is_pending,
            problems=[state for state in stack.states if state.problem],
            has_changes=bool(number),
            has_layers=not number,
        )

    def _tell(self, stack: Stack, document: ManifestDocument) -> None:
        """Say of each layer which step of the build made it."""
        steps = [step for step in image_of(self.repository, document, self.now).steps if step.layer]
        for state, step in zip(stack.states, steps, strict=False):
            state.instruction = step.instruction[:200]


def _number(text: str, most: int) -> int:
    """The layer that was asked for; zero for all of them."""
    number = int(text) if text.isdecimal() and len(text) < 5 else 0
    return number if number <= most else 0
