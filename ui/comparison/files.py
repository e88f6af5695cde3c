"""The files in which two images or two charts differ, and the lines of one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from django.http import Http404

from artifacts.archives.tar import MAX_NAME_BYTES
from artifacts.images.tree import Node, Tree, differences, parts_of
from artifacts.kinds.kinds import Kind
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from ui.comparison.sides import ComparisonBase, Side
from ui.comparison.tables import named_platforms
from ui.comparison.trees import Files, text_changes
from ui.contents.manifest import document_in
from ui.contents.tag_rows import platforms_of
from ui.display.costly import costly
from ui.display.text import shown
from ui.files.folders import folder_of

MAX_PLATFORMS: Final = 20
NOT_COMPARED: Final = (
    "Only the files of two images of one platform, or of two charts, are compared."
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two images or two charts. Where indexes were asked for, their images of one platform."""

    a: Side
    b: Side
    platform: str = ""
    platforms: Sequence[str] = ()


def pair_of(repository: Repository, a: Side, b: Side, wanted: str) -> Pair | None:
    """What has files on both sides; of two indexes their images of the platform ``wanted``, or of
    the first that both have."""
    kinds = {a.manifest.kind, b.manifest.kind}
    if kinds in ({Kind.IMAGE}, {Kind.HELM_CHART}):
        return Pair(a, b)
    if kinds != {Kind.INDEX}:
        return None
    old, new = (named_platforms(platforms_of(side.document)) for side in (a, b))
    common = [name for name in old if name in new][:MAX_PLATFORMS]
    if not common:
        return None
    platform = wanted if wanted in common else common[0]
    sides = [_image(repository, a, old[platform]), _image(repository, b, new[platform])]
    images = [side for side in sides if side is not None]
    return Pair(images[0], images[1], platform, common) if len(images) == 2 else None


def _image(repository: Repository, index: Side, digest: str) -> Side | None:
    rows = Manifest.objects.present().filter(repository=repository.id, digest=digest)
    manifest = rows.filter(kind=Kind.IMAGE).first()
    document = document_in(manifest) if manifest else None
    return replace(index, manifest=manifest, document=document) if manifest and document else None


class FilesBase(ComparisonBase):
    """A page about the files of both."""

    def about(self, a: Side, b: Side) -> dict[str, Any]:
        with costly():
            pair = pair_of(self.repository, a, b, self.request.GET.get("platform", ""))
            if pair is None:
                return {"part": "files", "told": [NOT_COMPARED]}
            old, new = (Files(self.repository, side, self.now) for side in (pair.a, pair.b))
            query = {"a": a.text, "b": b.text, "platform": pair.platform}
            query = {name: text for name, text in query.items() if text}
            about = self.about_files(old, new, query)
        path = self.request.GET.get("path", "")
        rest = {"platform": pair.platform, "path": path, "in": self.request.GET.get("in", "")}
        rest = {name: text for name, text in rest.items() if text}
        return {
            "part": "files",
            "told": [*old.problems, *new.problems],
            "is_pending": old.is_pending or new.is_pending,
            "platform": pair.platform,
            "platforms": [
                (name, urlencode({**query, "platform": name})) for name in pair.platforms
            ],
            "lasting_rest": f"&{urlencode(rest)}" if rest else "",
            **about,
        }

    def about_files(self, old: Files, new: Files, query: Mapping[str, str]) -> dict[str, Any]:
        raise NotImplementedError


class CompareFilesPage(FilesBase):
    template = "ui/comparison/files.html"

    def about_files(self, old: Files, new: Files, query: Mapping[str, str]) -> dict[str, Any]:
        def url(path: str, node: Node) -> str:
            if node.file is None or node.file.kind not in ("file", "hard link"):
                return ""
            return self.file_url(query, path)

        tree = Tree()
        tree.root = differences(old.tree.root, new.tree.root)
        folder = folder_of(self.request.GET, tree, parameters=query, url=url)
        if folder is None:
            raise Http404
        return {
            "folder": folder,
            "kept": list(query.items()),
            "root": "Both",
            "root_url": f"?{urlencode(query)}",
            "has_changes": True,
        }


class CompareFilePage(FilesBase):
    template = "ui/comparison/file.html"

    def about_files(self, old: Files, new: Files, query: Mapping[str, str]) -> dict[str, Any]:
        path = "/".join(parts_of(self.request.GET.get("path", "")[:MAX_NAME_BYTES]))
        before, after = old.text_at(path), new.text_at(path)
        if before is None and after is None and not (old.is_pending or new.is_pending):
            raise Http404
        changes = text_changes(before, after)
        differs = "changed" if changes.lines else ""
        return {
            "path": shown(path, 500),
            "changes": changes,
            "change": "added" if before is None else "removed" if after is None else differs,
            "old_url": old.url(path),
            "new_url": new.url(path),
            "folder_query": urlencode({**query, "in": path.rpartition("/")[0]}),
        }
