"""By what lists of tags choose and sort, in databases of any size."""

import pytest
from django.db import connection

from registry.repositories.models import Repository
from registry.tags.models import Tag
from registry.tags.services import order_of
from tests.registry.builders import hold, image, push

pytestmark = pytest.mark.django_db


def test_names_that_are_versions_sort_as_versions_do() -> None:
    names = ["latest", "1.0.0-rc.1", "1.0.0", "v1.2", "1.10.0", "1.10.0_build.1"]

    keys = [order_of(name)["sort_key"] for name in names]

    assert keys[0] == ""
    assert keys == sorted(keys)
    assert keys[4] == keys[5]


@pytest.mark.parametrize("ending", ["", ".sig", ".att", ".sbom"])
def test_what_is_named_after_a_manifest_is_a_companion(ending: str) -> None:
    assert order_of(f"sha256-{'a' * 64}{ending}")["is_companion"]
    assert not order_of(f"sha256-{'a' * 63}{ending}")["is_companion"]


def test_a_push_writes_down_how_its_tags_are_listed(repository: Repository) -> None:
    hold(repository, b"{}")
    push(repository, image(b"{}"), "1.2.3", tags=(f"sha256-{'a' * 64}.sig",))

    companion, version = Tag.objects.order_by("-is_companion")

    assert (version.is_companion, version.sort_key) == (False, order_of("1.2.3")["sort_key"])
    assert (companion.is_companion, companion.sort_key) == (True, "")


@pytest.mark.parametrize(
    "order", [("-started_at", "-name"), ("-sort_key", "-name"), ("name",)], ids=lambda it: it[0]
)
@pytest.mark.parametrize("companions", [False, True])
def test_a_page_is_found_in_an_index_and_nothing_is_sorted(
    repository: Repository, order: tuple[str, ...], companions: bool
) -> None:
    is_small = connection.vendor == "postgresql"
    if is_small:  # then it would rather read everything, and takes any index
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
            cursor.execute("SET LOCAL enable_sort = off; SET LOCAL enable_incremental_sort = off")
    tags = Tag.objects.live().filter(repository=repository.id).companions(companions)

    plan = tags.order_by(*order)[:51].explain()

    assert ("Index Scan" if is_small else f"tag_list_by_{order[0].lstrip('-')}") in plan
    assert "B-TREE" not in plan
    assert "Sort" not in plan
