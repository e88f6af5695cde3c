"""Who may do what on every route of the classic Helm repository: as below ``/v2/``."""

import json

import pytest
from django.test import Client

from registry.charts.index import forget_indexes
from registry.repositories.models import Repository
from tests.registry.charts.builders import push_chart
from tests.system.asking import send
from tests.system.matrix import FOREIGN, METHODS, RIGHTS, methods_of, named_routes
from tests.system.world import World

pytestmark = pytest.mark.django_db

INDEX = "/helm/acme/index.yaml"
OF_REPOSITORY = {
    "public": "/helm/acme/charts/public/open-1.0.0.tgz",
    "private": "/helm/acme/charts/private/hidden-1.0.0.tgz",
    "absent": "/helm/acme/charts/missing/none-1.0.0.tgz",
}
ROUTES = {
    ("helm:index", "GET"),
    ("helm:index", "HEAD"),
    ("helm:download", "GET"),
    ("helm:download", "HEAD"),
}
CALLERS = [name for name in RIGHTS if name != FOREIGN]  # there are no tokens at this door


@pytest.fixture(scope="module")
def charts(world: World) -> None:
    """A chart in each repository that is there."""
    forget_indexes()
    push_chart(Repository.objects.get(path="acme/public"), "open", "1.0.0")
    push_chart(Repository.objects.get(path="acme/private"), "hidden", "1.0.0")


def test_every_route_and_method_is_asked_for_here() -> None:
    served = {
        (name, method)
        for name, route in named_routes()
        if name.startswith("helm:")
        for method in methods_of(route)
    }

    assert served == ROUTES


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("kind", OF_REPOSITORY)
@pytest.mark.parametrize("name", CALLERS)
def test_a_chart_is_served_to_who_may_pull_and_nobody_else(
    name: str, kind: str, method: str, world: World, charts: None
) -> None:
    caller = world.callers[name]

    answer = send(method, OF_REPOSITORY[kind], caller.basic())

    hidden = 404 if caller.login else 401
    may = "pull" in RIGHTS[name][kind] and kind != "absent"
    assert answer.status_code == (200 if may else hidden)


@pytest.mark.parametrize("name", CALLERS)
def test_the_index_lists_what_its_caller_may_pull(name: str, world: World, charts: None) -> None:
    answer = Client().get(INDEX, headers=dict(world.callers[name].basic()))

    listed = set(json.loads(answer.getvalue())["entries"])
    names = {"public": "open", "private": "hidden"}
    assert listed == {names[kind] for kind in names if "pull" in RIGHTS[name][kind]}


@pytest.mark.parametrize("path", [INDEX, *OF_REPOSITORY.values()])
def test_no_other_method_is_answered(path: str, world: World, charts: None) -> None:
    for method in METHODS:
        if method not in ("GET", "HEAD"):
            for name in ("anonymous", "owner"):
                answer = send(method, path, world.callers[name].basic())
                assert answer.status_code == 405, (method, name)
