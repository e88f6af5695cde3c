"""What was stored before more versions were versions."""

from importlib import import_module

import pytest
from django.apps import apps

from registry.charts.models import ChartVersion
from registry.inspection.tasks import inspect_batch
from registry.repositories.models import Repository
from registry.tags.models import Tag
from tests.registry.builders import NOW, make_repository
from tests.registry.charts.builders import push_chart

pytestmark = pytest.mark.django_db


@pytest.fixture
def etherpad() -> Repository:
    return make_repository("acme/etherpad")


def test_a_chart_that_was_unreadable_is_read_again(etherpad: Repository) -> None:
    manifest = push_chart(etherpad, version="2024.01.15")
    ChartVersion.objects.filter(manifest=manifest.id).update(name="", version="", problems="wrong")

    import_module("registry.charts.migrations.0003_read_again").ask_for_another_look(apps, None)
    inspect_batch(after=0, limit=10, now=NOW)

    assert ChartVersion.objects.get(manifest=manifest.id).version == "2024.01.15"


def test_tags_get_their_place_in_the_order_of_versions(etherpad: Repository) -> None:
    push_chart(etherpad, version="2024.01.15")
    Tag.objects.update(sort_key="")

    name = "registry.tags.migrations.0005_versions_as_helm_reads_them"
    import_module(name).order_tags(apps, None)

    assert Tag.objects.get().sort_key == "0042024.0011.00215~"
