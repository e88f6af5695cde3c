"""What Helm itself answered, frozen: ``tests/clients/test_helm_answers.py`` asks it again."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from artifacts.charts.archive import ChartUnreadable
from artifacts.charts.chart import read_chart
from artifacts.charts.versions import sort_key
from tests.artifacts.charts.archives import CHART_YAML, CONFIG, archive
from tests.artifacts.charts.loaded import LOADED, REFUSED

ANSWERS: dict[str, Any] = json.loads(Path(__file__).with_name("by_helm.json").read_text())
VERSIONS: dict[str, bool] = ANSWERS["versions"]
CHART_YAMLS: dict[str, dict[str, Any] | None] = ANSWERS["chart_yamls"]


def read(chart_yaml: str) -> dict[str, Any] | None:
    try:
        chart = read_chart(io.BytesIO(archive({"Chart.yaml": chart_yaml.encode()})), CONFIG)
    except ChartUnreadable:
        return None
    dependencies = {"dependencies": list(chart.dependencies)} if chart.dependencies else {}
    return {**chart.metadata, **dependencies}


def said(metadata: dict[str, Any] | None) -> Any:
    """With the kind that Helm takes for granted, and without what is empty, which it leaves out."""
    return metadata and {"apiVersion": "v1", **_filled(metadata)}


def _filled(value: Any) -> Any:
    if isinstance(value, list):
        return [item for item in map(_filled, value) if not _is_empty(item)]
    if isinstance(value, dict):
        filled = {key: _filled(item) for key, item in value.items()}
        return {key: item for key, item in filled.items() if not _is_empty(item)}
    return value


def _is_empty(value: Any) -> bool:
    return value in ("", [], {}, False)


def test_a_version_is_what_helm_takes_for_one() -> None:
    assert len(VERSIONS) > 200
    assert {text: sort_key(text) is not None for text in VERSIONS} == VERSIONS


def test_versions_have_the_order_that_helm_gives_them() -> None:
    keys = [sort_key(version) or "" for version in ANSWERS["newest_first"]]

    assert keys == sorted(keys, reverse=True)


def test_a_chart_yaml_says_what_it_says_to_helm() -> None:
    by_berth = {text: said(read(text)) for text in CHART_YAMLS}

    assert by_berth == {text: said(metadata) for text, metadata in CHART_YAMLS.items()}


def test_a_chart_is_refused_for_what_helm_refuses_beside_its_chart_yaml() -> None:
    by_berth = {name: _is_refused(files) for name, files in {**LOADED, **REFUSED}.items()}

    assert by_berth == {**dict.fromkeys(LOADED, False), **dict.fromkeys(REFUSED, True)}


def _is_refused(files: Mapping[str, bytes]) -> bool:
    content = archive({"Chart.yaml": CHART_YAML, **files})
    return read_chart(io.BytesIO(content), CONFIG).is_refused
