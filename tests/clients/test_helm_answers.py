"""helm 3 and 4 are asked what they take for a version and for a Chart.yaml, all at once.

``helm repo index`` reads each archive of a folder as every other command reads a chart, leaves out
what it refuses, and writes the rest in its own order: one process for hundreds of questions.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from artifacts.charts.metadata import NAME
from tests.artifacts.charts.archives import CHART_YAML, archive
from tests.artifacts.charts.loaded import LOADED, REFUSED
from tests.artifacts.charts.odd import odd_chart_yaml
from tests.artifacts.charts.test_by_helm import CHART_YAMLS, VERSIONS, read, said
from tests.clients.run import Home, client
from tests.soak import IS_SOAK, rounds, seed

BY_BERTH = ("created", "digest", "urls")  # what an index adds to a chart


@pytest.fixture(params=["helm3", "helm4"])
def helm(request: pytest.FixtureRequest) -> str:
    return client(request.param)


def test_helm_takes_the_same_texts_for_versions(helm: str, home: Home, tmp_path: Path) -> None:
    texts = [f"name: etherpad\nversion: {json.dumps(version)}\n" for version in VERSIONS]

    indexed = ask(helm, home, tmp_path, texts)

    assert {version: number in indexed for number, version in enumerate(VERSIONS)} == VERSIONS


def test_helm_reads_the_same_out_of_each_chart_yaml(helm: str, home: Home, tmp_path: Path) -> None:
    indexed = ask(helm, home, tmp_path, CHART_YAMLS)

    assert {text: indexed.get(number) for number, text in enumerate(CHART_YAMLS)} == CHART_YAMLS


@pytest.mark.randomized
def test_helm_reads_the_same_out_of_odd_chart_yamls(helm: str, home: Home, tmp_path: Path) -> None:
    chosen = Random(seed() if IS_SOAK else 0)
    texts = list(dict.fromkeys(odd_chart_yaml(chosen) for _ in range(rounds(400))))

    indexed = ask(helm, home, tmp_path, texts)

    by_helm = {text: said(indexed.get(number)) for number, text in enumerate(texts)}
    by_berth = {text: said(read(text)) for text in texts}
    differ = [text for text in texts if by_berth[text] != by_helm[text]]
    # Names that nobody can push are refused beyond what Helm refuses.
    wrong = [text for text in differ if NAME.fullmatch((by_helm[text] or {}).get("name", "a"))]
    assert [(text, by_berth[text], by_helm[text]) for text in wrong] == []
    assert sum(map(bool, by_helm.values())) > len(texts) // 4


def test_helm_loads_the_same_charts(helm: str, home: Home, tmp_path: Path) -> None:
    charts = [{"Chart.yaml": CHART_YAML, **one} for one in (*LOADED.values(), *REFUSED.values())]

    indexed = ask_of(helm, home, tmp_path, charts)

    assert sorted(indexed) == list(range(len(LOADED)))


def ask(helm: str, home: Home, folder: Path, texts: Iterable[str]) -> dict[int, dict[str, Any]]:
    """What helm reads out of each Chart.yaml, by its number; refused ones are absent."""
    return ask_of(helm, home, folder, [{"Chart.yaml": text.encode()} for text in texts])


def ask_of(
    helm: str, home: Home, folder: Path, charts: Iterable[Mapping[str, bytes]]
) -> dict[int, dict[str, Any]]:
    for number, files in enumerate(charts):
        (folder / f"{number}.tgz").write_bytes(archive(files))
    home.run(helm, "repo", "index", "--json", str(folder))
    index = json.loads((folder / "index.yaml").read_bytes())
    entries = [entry for versions in index["entries"].values() for entry in versions]
    return {
        int(entry["urls"][0].removesuffix(".tgz")): {
            key: value for key, value in entry.items() if key not in BY_BERTH
        }
        for entry in entries
    }
