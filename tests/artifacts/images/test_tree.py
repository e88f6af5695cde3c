"""Layers on top of one another, and what differs between trees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.images import tree as trees
from artifacts.images.files import LayerFile
from artifacts.images.tree import MAX_DEPTH, Node, Tree, TreeFull, differences


def file(path: str, content: str = "x", mode: int = 0o644) -> LayerFile:
    return LayerFile(path, "file", len(content), mode, digest=content)


def folder(path: str, mode: int = 0o755) -> LayerFile:
    return LayerFile(path, "folder", 0, mode)


def link(path: str, target: str) -> LayerFile:
    return LayerFile(path, "link", 0, 0o777, target)


def merged(*layers: list[LayerFile]) -> Tree:
    tree = Tree()
    for number, files in enumerate(layers, 1):
        tree.add(files, number)
    return tree


def paths(node: Node) -> list[str]:
    """The files of a tree, without its folders."""
    return [path for path, one in node.below() if not one.is_folder]


def changes(*layers: list[LayerFile]) -> dict[str, str]:
    """What the last layer changed."""
    found = differences(merged(*layers[:-1]).root, merged(*layers).root)
    return {path: node.change for path, node in found.below() if node.change}


def test_the_later_of_two_files_counts_and_knows_its_layer() -> None:
    node = merged([file("a", "old")], [file("a", "newer")]).find("a")

    assert node is not None
    assert node.file is not None
    assert (node.file.size, node.layer) == (5, 2)


def test_a_whiteout_takes_a_file_and_what_a_folder_holds() -> None:
    lower = [file("etc/a"), file("etc/b"), file("opt/x/deep/c")]

    assert paths(merged(lower, [file("etc/.wh.a"), file("opt/.wh.x")]).root) == ["etc/b"]


def test_an_opaque_folder_keeps_what_its_own_layer_has() -> None:
    upper = [file("etc/new"), file("etc/.wh..wh..opq")]

    assert paths(merged([file("etc/old"), file("a")], upper).root) == ["a", "etc/new"]


def test_a_whiteout_is_not_about_its_own_layer_wherever_it_stands() -> None:
    assert paths(merged([file("a", "old")], [file("a", "new"), file(".wh.a")]).root) == ["a"]


def test_a_whiteout_of_what_is_not_there_does_nothing() -> None:
    assert paths(merged([file("a")], [file("b/.wh.c")]).root) == ["a"]


def test_a_file_takes_the_place_of_a_folder_and_a_folder_that_of_a_file() -> None:
    tree = merged([file("a/b"), file("c")], [file("a"), file("c/d")])

    assert paths(tree.root) == ["a", "c/d"]


def test_a_path_leads_through_the_links_of_lower_layers() -> None:
    lower = [link("lib", "usr/lib"), link("far", "/usr/../srv"), folder("usr/lib")]

    tree = merged(lower, [file("lib/x"), file("far/y")])

    assert paths(tree.root) == ["far", "lib", "srv/y", "usr/lib/x"]


def test_a_whiteout_is_looked_for_through_links_too() -> None:
    lower = [link("lib", "usr/lib"), file("usr/lib/x")]

    assert paths(merged(lower, [file("lib/.wh.x")]).root) == ["lib"]


def test_no_path_leads_out_of_the_image() -> None:
    tree = merged([file("../../etc/a"), link("up", "../../.."), file("up/b")])

    assert paths(tree.root) == ["b", "etc/a", "up"]


def test_links_that_lead_in_circles_end() -> None:
    tree = merged([link("a", "b"), link("b", "a")], [file("a/x")])

    assert "x" in {path.rpartition("/")[2] for path in paths(tree.root)}


def test_a_layer_by_itself_shows_its_paths_as_they_are_called() -> None:
    tree = Tree()
    tree.hold([file("../a"), file("etc/.wh.b")])

    assert paths(tree.root) == ["../a", "etc/.wh.b"]


def test_a_folder_counts_what_is_in_it() -> None:
    tree = merged([file("a/b", "12"), file("a/c/d", "345"), link("a/e", "b")])

    assert tree.root.total() == (5, 3)


def test_what_a_layer_changed() -> None:
    lower = [folder("etc"), file("etc/same"), file("etc/old"), file("etc/changed", "1")]
    upper = [
        folder("etc"),
        file("etc/same"),
        file("etc/.wh.old"),
        file("etc/changed", "2"),
        file("new/file"),
    ]

    assert changes(lower, upper) == {
        "etc/changed": "changed",
        "etc/old": "removed",
        "new": "added",
        "new/file": "added",
    }


def test_other_rights_are_a_change() -> None:
    assert changes([file("a")], [file("a", mode=0o4755)]) == {"a": "changed"}
    assert changes([folder("d")], [folder("d", 0o700)]) == {"d": "changed"}


def test_of_a_changed_file_the_one_before_is_known() -> None:
    found = differences(merged([file("a", "1")]).root, merged([file("a", "222")]).root)

    assert found.children["a"].before == file("a", "1")


def test_a_file_in_the_place_of_a_folder_removes_what_that_held() -> None:
    assert changes([file("a/b")], [file("a")]) == {"a": "changed", "a/b": "removed"}


@pytest.mark.parametrize("put", [lambda t, f: t.hold(f), lambda t, f: t.add(f, 1)])
def test_a_tree_is_only_so_deep(put: object) -> None:
    with pytest.raises(TreeFull, match="within one another"):
        put(Tree(), [file("/".join("a" * (MAX_DEPTH + 1)))])  # type: ignore[operator]


def test_a_tree_holds_so_many_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "MAX_NODES", 3)

    with pytest.raises(TreeFull, match="more than 3 files and folders"):
        merged([file("a/b"), file("a/c"), file("a/d")])


def test_paths_lead_through_so_many_folders_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A link to a link, again and again: few names, and many steps."""
    monkeypatch.setattr(trees, "MAX_STEPS", 1000)
    links = [link(f"l{n}", f"l{n + 1}/l{n + 1}") for n in range(40)]

    with pytest.raises(TreeFull, match="too many folders"):
        merged(links, [file("l0/x" + str(n)) for n in range(1000)])


_NAMES = st.sampled_from(["a", "b", "c"])
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map("/".join)
_LAYERS = st.lists(st.tuples(_PATHS, st.sampled_from("123")), max_size=6)


@given(_LAYERS, _LAYERS)
def test_differences_tell_all_and_nothing_else(
    lower: list[tuple[str, str]], upper: list[tuple[str, str]]
) -> None:
    before = merged([file(*one) for one in lower])
    after = merged([file(*one) for one in lower], [file(*one) for one in upper])
    old = {path: node.file for path, node in before.root.below() if not node.is_folder}
    new = {path: node.file for path, node in after.root.below() if not node.is_folder}

    found = differences(before.root, after.root)

    told = {path for path, node in found.below() if node.change and (node.file or node.before)}
    assert told == {path for path in {*old, *new} if old.get(path) != new.get(path)}
