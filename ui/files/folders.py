"""One folder of a tree of files as a page shows it, or what a filter finds below it."""

import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from django.http import QueryDict

from artifacts.archives.tar import MAX_NAME_BYTES
from artifacts.images.files import LayerFile
from artifacts.images.tree import Change, Node, Tree, parts_of
from ui.display.text import shown
from ui.forms import typed

ROWS_PER_PAGE: Final = 500
MAX_FILTER_LENGTH: Final = 200
_MAX_SHOWN: Final = 500  # characters of a path
_ICONS: Final[Mapping[str, str]] = {
    "folder": "folder",
    "file": "file",
    "link": "corner-down-right",
    "hard link": "link",
    "device": "cpu",
    "pipe": "cable",
    "whiteout": "file-x",
}

# Of a file's own page, by its path in the tree; empty where it has none.
Address = Callable[[str, Node], str]


@dataclass(frozen=True, slots=True)
class Row:
    """``size`` and ``count`` of a folder are those of all files in it; ``percent`` is the part of
    the largest beside it. ``removes`` says what a whiteout takes away."""

    name: str
    kind: str
    icon: str
    url: str
    size: int | None
    percent: int
    count: int
    mode: str
    target: str
    target_url: str
    removes: str
    change: Change
    before: int | None
    layer: int


@dataclass(frozen=True, slots=True)
class Folder:
    """``key`` is its path, as addresses name it, ``steps`` the folders above and itself, each with
    its address. ``found`` counts the rows of all pages."""

    key: str
    steps: Sequence[tuple[str, str]]
    rows: Sequence[Row]
    found: int
    size: int
    count: int
    text: str
    order: str
    by_name_url: str
    by_size_url: str
    first_url: str
    next_url: str


def folder_of(
    query: QueryDict, tree: Tree, *, parameters: Mapping[str, str], url: Address
) -> Folder | None:
    """The folder that ``in`` names, after the filter ``q``; ``None`` when the tree has none there.

    Args:
        parameters: what else an address of the page says, besides where it is.
    """
    parts = parts_of(query.get("in", "")[:MAX_NAME_BYTES])
    path = "/".join(parts)
    node = tree.find(path)
    if node is None or not (node.is_folder or node.children):
        return None
    text = typed(query, "q", most=MAX_FILTER_LENGTH)
    order = "size" if query.get("order") == "size" else "name"
    page = _Page(tree, path, {**parameters, **({"order": order} if order == "size" else {})}, url)
    entries = page.matches(node, text) if text else page.listed(node, order)
    start = _start(query.get("from", ""), len(entries))
    end = start + ROWS_PER_PAGE
    size, count = node.total()
    return Folder(
        key=path,
        steps=[
            (shown(part, 100), page.address("/".join(parts[:depth])))
            for depth, part in enumerate(parts, 1)
        ],
        rows=page.rows(entries[start:end]),
        found=len(entries),
        size=size,
        count=count,
        text=text,
        order=order,
        by_name_url=page.address(path, order="", q=text),
        by_size_url=page.address(path, order="size", q=text),
        first_url=page.address(path, q=text) if start else "",
        next_url=page.address(path, q=text, **{"from": str(end)}) if end < len(entries) else "",
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    path: str
    node: Node
    size: int
    count: int


class _Page:
    def __init__(self, tree: Tree, path: str, parameters: Mapping[str, str], url: Address) -> None:
        self._tree = tree
        self._path = path
        self._parameters = parameters
        self._url = url

    def address(self, path: str, **changed: str) -> str:
        query = {**self._parameters, "in": path, **changed}
        return f"?{urlencode({name: text for name, text in query.items() if text})}"

    def listed(self, folder: Node, order: str) -> Sequence[_Entry]:
        """Folders come first by name; by size the largest of all."""
        every = [
            _Entry(posixpath.join(self._path, name), node, *node.total())
            for name, node in folder.children.items()
        ]
        if order == "size":
            return sorted(every, key=lambda one: (-one.size, one.path))
        return sorted(every, key=lambda one: (not one.node.is_folder, one.path))

    def matches(self, folder: Node, text: str) -> Sequence[_Entry]:
        """What matches, of folders without what is in them: that is listed by itself."""
        wanted = text.casefold()
        return [
            _Entry(
                posixpath.join(self._path, path),
                node,
                *(node.total() if not node.is_folder else (0, 0)),
            )
            for path, node in folder.below()
            if wanted in path.casefold()
        ]

    def rows(self, entries: Iterable[_Entry]) -> Sequence[Row]:
        every = list(entries)
        largest = max((one.size for one in every), default=0)
        return [self._row(one, largest) for one in every]

    def _row(self, one: _Entry, largest: int) -> Row:
        node, file = one.node, one.node.file or LayerFile(one.path, "folder", 0, 0o755)
        is_whiteout = file.is_whiteout and not node.children
        kind = "whiteout" if is_whiteout else file.kind
        has_size = kind in ("file", "folder")
        return Row(
            name=shown(one.path.removeprefix(f"{self._path}/" if self._path else ""), _MAX_SHOWN),
            kind=kind,
            icon=_ICONS[kind],
            url="" if is_whiteout else self._address_of(one.path, node),
            size=one.size if has_size else None,
            percent=round(100 * one.size / largest) if largest and has_size else 0,
            count=one.count if node.is_folder else 0,
            mode=f"{file.mode:04o}" if node.file else "",
            target=shown(file.target, _MAX_SHOWN),
            target_url=self._target(one.path, file),
            removes=_removes(file) if is_whiteout else "",
            change=node.change,
            before=node.before.size if node.before and node.before.kind == "file" else None,
            layer=node.layer,
        )

    def _address_of(self, path: str, node: Node) -> str:
        return self.address(path) if node.is_folder or node.children else self._url(path, node)

    def _target(self, path: str, file: LayerFile) -> str:
        """The address of what a link leads to, where that is in the tree."""
        if file.kind not in ("link", "hard link"):
            return ""
        folder = f"/{posixpath.dirname(path)}" if file.kind == "link" else "/"
        target = posixpath.normpath(posixpath.join(folder, file.target)).lstrip("/")
        node = self._tree.find(target)
        return self._address_of(target, node) if node and node is not self._tree.root else ""


def _removes(file: LayerFile) -> str:
    if file.is_opaque:
        return "all that the layers below have in this folder"
    return shown(file.removed, _MAX_SHOWN) or "nothing: a mark of AUFS"


def _start(text: str, count: int) -> int:
    start = int(text) if text.isdecimal() and len(text) < 8 else 0
    return start if start < count else 0
