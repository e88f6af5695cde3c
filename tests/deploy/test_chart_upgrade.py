"""Kubernetes takes the chart's objects in the place of those of the version before."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.deploy.chart import CHART, SETS, Document, Rendered, render, render_set
from tests.live import ROOT
from tests.production.previous import previous_version, unpack

HELM = "helm4"
# What cannot be changed once an object is there. A release that changes it fails.
# Source: Kubernetes' API reference, each kind's spec.
FIXED = {
    "Deployment": ("spec.selector",),
    "PersistentVolumeClaim": ("spec.accessModes", "spec.storageClassName"),
    "Service": ("spec.clusterIP",),
}
# Which sets of values the version before knows: others hold keys that are new.
KEPT = ["single", "replicated", "replicated with all"]


@pytest.fixture(params=KEPT)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_what_cannot_be_changed_stays(name: str) -> None:
    before, now = _fixed(_before(name)), _fixed(render_set(HELM, name))

    assert before.items() <= now.items()


def test_no_volume_is_taken_away(name: str) -> None:
    claims = [claim["metadata"]["name"] for claim in _before(name).of_kind("PersistentVolumeClaim")]

    now = render_set(HELM, name).of_kind("PersistentVolumeClaim")
    assert claims == [claim["metadata"]["name"] for claim in now]


@cache
def _before(name: str) -> Rendered:
    version = previous_version()
    if not version:
        return render_set(HELM, name)  # a shallow clone: there is nothing to compare with
    with TemporaryDirectory() as folder:
        unpack(version, Path(folder) / "before")
        return render(HELM, SETS[name], chart=Path(folder) / "before" / CHART.relative_to(ROOT))


def _fixed(found: Rendered) -> dict[str, Any]:
    return {
        f"{document['kind']} {document['metadata']['name']} {path}": _at(document, path)
        for document in found.documents
        for path in FIXED.get(document["kind"], ())
    }


def _at(document: Document, path: str) -> Any:
    value: Any = document
    for part in path.split("."):
        value = (value or {}).get(part)
    return value
