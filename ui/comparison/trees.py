"""The files of one image or chart that is compared, and how a text differs from another."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Final

from artifacts.charts.chart import CONTENT_TYPES
from artifacts.images.files import LayerFile
from artifacts.images.tree import Node, Tree, TreeFull, parts_of
from artifacts.kinds.kinds import Kind
from artifacts.oci.digest import Digest
from artifacts.oci.errors import BlobUnknown
from registry.repositories.models import Repository
from ui.comparison.lines import Changes, changes
from ui.comparison.sides import Side
from ui.display.text import shown
from ui.files.contents import FileText, find_file, texts
from ui.files.images import NOT_HERE, Stack, listings_of
from ui.files.layers import file_url

_NO_FILE: Final = FileText(problem="It has no content that can be read.")


class Files:
    """The files of one of the two. ``problems`` are sentences on what is missing among them."""

    def __init__(self, repository: Repository, side: Side, now: datetime) -> None:
        self.side = side
        self.tree = Tree()
        self.problems: list[str] = []
        self.is_pending = False
        self._repository = repository
        self._now = now
        self._layers = list(side.document.layers)
        self.is_chart = side.manifest.kind == Kind.HELM_CHART
        if self.is_chart:
            self._layers = [one for one in self._layers if one.media_type in CONTENT_TYPES]
        self._listings = listings_of(repository, self._layers, now)
        if self.is_chart:
            self._hold_chart()
        else:
            self._merge_layers()

    def layer_of(self, node: Node) -> Digest:
        return self._layers[node.layer - 1].digest

    def text_at(self, path: str) -> FileText | None:
        """The beginning of a file; ``None`` where there is none."""
        return self.texts_at([path]).get(path)

    def texts_at(self, paths: Sequence[str]) -> Mapping[str, FileText]:
        """The beginnings of files of one layer, or of all layers, each layer read once."""
        wanted: dict[Digest, list[tuple[str, LayerFile]]] = {}
        for path in paths:
            node = self.tree.find(path)
            if node is not None and node.file is not None and not node.is_folder:
                wanted.setdefault(self.layer_of(node), []).append((path, node.file))
        by_path: dict[str, FileText] = {}
        for layer, ones in wanted.items():
            with suppress(BlobUnknown):
                by_path |= self._texts_in(layer, ones)
        return {path: by_path.get(path, _NO_FILE) for ones in wanted.values() for path, _ in ones}

    def _texts_in(
        self, layer: Digest, ones: Sequence[tuple[str, LayerFile]]
    ) -> Mapping[str, FileText]:
        files = self._listings.of(layer).files
        numbers = {
            path: find_file(files, file.path, below_top=self.is_chart) for path, file in ones
        }
        read = {number for number in numbers.values() if number is not None}
        beginnings = texts(self._repository, layer, files, read, self._now)
        return {path: beginnings[one] for path, one in numbers.items() if one is not None}

    def url(self, path: str) -> str:
        """The page of a file."""
        node = self.tree.find(path)
        if node is None:
            return ""
        blob, digest = str(self.layer_of(node)), self.side.manifest.digest
        return file_url(self._repository.path, digest, blob, node.file)

    def _hold_chart(self) -> None:
        """The files of a chart, below the folder that holds it, which may have any name."""
        if not self._layers:
            self._tell("it has no archive")
            return
        try:
            listing = self._listings.of(self._layers[0].digest)
            inner = ("/".join(parts_of(file.path)[1:]) for file in listing.files)
            named = zip(inner, listing.files, strict=True)
            self.tree.add([replace(file, path=path) for path, file in named if path], 1)
        except BlobUnknown:
            self._tell(NOT_HERE)
        except TreeFull as error:
            self._tell(str(error))
        else:
            if listing.problem:
                self._tell(listing.problem)

    def _merge_layers(self) -> None:
        stack = Stack(self._layers, self._listings)
        self.tree = stack.merged()
        self.is_pending = stack.is_pending
        for state in stack.states:
            if state.problem:
                self._tell(f"of layer {state.number}: {state.problem}")

    def _tell(self, reason: str) -> None:
        self.problems.append(f"Not all files of {shown(self.side.text, 80)} are known: {reason}.")


def text_changes(old: FileText | None, new: FileText | None) -> Changes:
    """The lines in which two texts differ; who has no such file has no line."""
    for one in (old, new):
        if one is not None and one.problem:
            return Changes(problem=one.problem)
        if one is not None and one.is_cut:
            return Changes(problem="It is too long to be compared here.")
    return changes(old.text if old else "", new.text if new else "")
