"""Files in the folders that they lie in: of one layer, or of layers on top of one another.

Source: image-spec v1.1, layer.md, "Applying Changesets" and "Whiteouts".
"""

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from artifacts.images.files import LayerFile

MAX_NODES: Final = 200_000
MAX_STEPS: Final = 4_000_000  # from folder to folder, for all paths together
MAX_DEPTH: Final = 200
_MAX_LINKS: Final = 40  # that a path leads through, as in Linux

Change = Literal["", "added", "changed", "removed"]


class TreeFull(Exception):
    """There is more than a tree may hold; the message says of what, after "because"."""


class Node:
    """A file, or a folder with what lies in it.

    ``file`` is empty for a folder that no entry of a layer is about. ``layer`` counts from one;
    ``change`` and ``before`` say what ``differences`` found.
    """

    __slots__ = ("before", "change", "children", "file", "layer")

    def __init__(self, file: LayerFile | None = None, layer: int = 0, change: Change = "") -> None:
        self.file = file
        self.layer = layer
        self.change = change
        self.before: LayerFile | None = None
        self.children: dict[str, Node] = {}

    @property
    def is_folder(self) -> bool:
        return self.file is None or self.file.kind == "folder"

    def total(self) -> tuple[int, int]:
        """The bytes of all files here and below, and how many files that are."""
        if not self.is_folder:
            size = self.file.size if self.file and self.file.kind == "file" else 0
            return size, 1
        sums = [child.total() for child in self.children.values()]
        return sum(size for size, _ in sums), sum(count for _, count in sums)

    def below(self) -> Iterator[tuple[str, "Node"]]:
        """All that lies here and deeper, each with its path, in the order of names."""
        todo = [("", self)]
        while todo:
            path, node = todo.pop()
            if node is not self:
                yield path.removeprefix("/"), node
            names = sorted(node.children, reverse=True)
            todo += [(f"{path}/{name}", node.children[name]) for name in names]


def parts_of(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


class Tree:
    """Bounded, whatever is put into it. Methods raise ``TreeFull``."""

    def __init__(self) -> None:
        self.root = Node()
        self._nodes = MAX_NODES
        self._steps = MAX_STEPS

    def find(self, path: str) -> Node | None:
        node: Node | None = self.root
        for part in parts_of(path):
            node = node.children.get(part) if node else None
        return node

    def hold(self, files: Iterable[LayerFile]) -> None:
        """Put the entries of one layer in as they are called, whiteouts and odd paths too."""
        for file in files:
            parts = parts_of(file.path)
            if len(parts) > MAX_DEPTH:
                raise TreeFull(f"it has more than {MAX_DEPTH} folders within one another")
            node = self.root
            for part in parts:
                self._step()
                node = node.children.get(part) or self._grown(node, part)
            node.file = file

    def add(self, files: Iterable[LayerFile], layer: int) -> None:
        """Put a layer on top. Its whiteouts are about what lies below, not about itself."""
        for file in files:
            if file.is_whiteout and file.removed:
                self._remove(file)
        for file in files:
            if file.is_whiteout:
                continue
            *folders, name = self._resolved(parts_of(file.path)) or [""]
            if not name:
                self.root.file = file if file.kind == "folder" else None
                continue
            folder = self._folder(folders)
            node = folder.children.get(name) or self._grown(folder, name)
            if file.kind != "folder":
                node.children = {}
            node.file, node.layer = file, layer

    def _remove(self, file: LayerFile) -> None:
        parts = self._resolved(parts_of(file.removed))
        node = self.find("/".join(parts if file.is_opaque else parts[:-1]))
        if node is None:
            return
        if file.is_opaque:
            node.children = {}
        elif parts:
            node.children.pop(parts[-1], None)

    def _folder(self, parts: list[str]) -> Node:
        node = self.root
        for part in parts:
            child = node.children.get(part) or self._grown(node, part)
            if not child.is_folder:  # a folder takes the place of a file
                child.file, child.layer = None, 0
            node = child
        return node

    def _resolved(self, parts: list[str]) -> list[str]:
        """Where a path leads, through the links in it. Its last part is not followed."""
        todo, path, nodes, links = parts[::-1], list[str](), [self.root], 0
        while todo:
            self._step()
            part = todo.pop()
            if part == "..":
                del path[-1:]
                del nodes[len(path) + 1 :]
                continue
            child = nodes[-1].children.get(part) or _NOTHING
            target = child.file.target if child.file and child.file.kind == "link" else ""
            if target and todo and links < _MAX_LINKS:
                links += 1
                todo += parts_of(target)[::-1]
                if target.startswith("/"):
                    path, nodes = [], [self.root]
                continue
            path.append(part)
            nodes.append(child)
            if len(path) > MAX_DEPTH:
                raise TreeFull(f"it has more than {MAX_DEPTH} folders within one another")
        return path

    def _grown(self, folder: Node, name: str) -> Node:
        if not self._nodes:
            raise TreeFull(f"it has more than {MAX_NODES:,} files and folders")
        self._nodes -= 1
        folder.children[name] = node = Node()
        return node

    def _step(self) -> None:
        if not self._steps:
            raise TreeFull("its paths lead through too many folders")
        self._steps -= 1


_NOTHING = Node()


def differences(before: Node, after: Node) -> Node:
    """What is not alike in two trees, as a tree of its own: folders in which nothing differs are
    not in it, and what was removed is."""
    root = Node(after.file, after.layer)
    for name in {**before.children, **after.children}:
        old, new = before.children.get(name), after.children.get(name)
        if old is None or new is None:
            change: Change = "added" if new else "removed"
            root.children[name] = _marked(new or old or _NOTHING, change)
        elif old.is_folder and new.is_folder:
            node = differences(old, new)
            node.change = "" if _look(old.file) == _look(new.file) else "changed"
            if node.children or node.change:
                root.children[name] = node
        elif _look(old.file) != _look(new.file):
            node = root.children[name] = _marked(new, "added")
            node.change, node.before = "changed", old.file
            if old.is_folder:
                node.children = {**_marked(old, "removed").children, **node.children}
    return root


def _look(file: LayerFile | None) -> tuple[object, ...]:
    """All there is to see of an entry. A folder of which no entry speaks is as most are."""
    if file is None:
        return ("folder", 0, 0o755, "", "")
    return (file.kind, file.size, file.mode, file.target, file.digest)


def _marked(node: Node, change: Change) -> Node:
    copy = Node(node.file, node.layer, change)
    copy.children = {name: _marked(child, change) for name, child in node.children.items()}
    return copy
