"""What Helm itself answered, frozen: ``tests/clients/test_helm_answers.py`` asks it again."""

import io
import json
from pathlib import Path
from typing import Any

from artifacts.charts.archive import ChartUnreadable
from artifacts.charts.chart import read_chart
from artifacts.charts.versions import sort_key
from tests.artifacts.charts.archives import CONFIG, archive

ANSWERS: dict[str, Any] = json.loads(Path(__file__).with_name("by_helm.json").read_text())
VERSIONS: dict[str, bool] = ANSWERS["versions"]
CHART_YAMLS: dict[str, dict[str, Any] | None] = ANSWERS["chart_yamls"]


def _read(chart_yaml: str) -> dict[str, Any] | None:
    try:
        chart = read_chart(io.BytesIO(archive({"Chart.yaml": chart_yaml.encode()})), CONFIG)
    except ChartUnreadable:
        return None
    dependencies = {"dependencies": list(chart.dependencies)} if chart.dependencies else {}
    return {**chart.metadata, **dependencies}


def _said(metadata: dict[str, Any] | None) -> Any:
    """With the kind that Helm takes for granted, and without what is empty, which it leaves out."""
    return metadata and _filled({"apiVersion": "v1", **metadata})


def _filled(value: Any) -> Any:
    if isinstance(value, list):
        return [_filled(item) for item in value]
    if isinstance(value, dict):
        return {
            key: _filled(item) for key, item in value.items() if item not in ("", [], {}, False)
        }
    return value


def test_a_version_is_what_helm_takes_for_one() -> None:
    assert len(VERSIONS) > 200
    assert {text: sort_key(text) is not None for text in VERSIONS} == VERSIONS


def test_versions_have_the_order_that_helm_gives_them() -> None:
    keys = [sort_key(version) or "" for version in ANSWERS["newest_first"]]

    assert keys == sorted(keys, reverse=True)


def test_a_chart_yaml_says_what_it_says_to_helm() -> None:
    read = {text: _said(_read(text)) for text in CHART_YAMLS}

    assert read == {text: _said(metadata) for text, metadata in CHART_YAMLS.items()}
