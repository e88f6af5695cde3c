"""What `kubectl apply -k` brings: definitions, rights and the operator, as its code needs them."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from deploy.operator import settings
from deploy.operator.kinds import OPENSHIFT_INGRESS, POD, PRUNED, REGISTRIES, Kind
from deploy.operator.overrides import MOST_REPLICAS
from deploy.operator.specification import COMPONENTS, UNSUPPORTED
from tests.live import ROOT

FOLDER = ROOT / "deploy/operator/install"
CONTAINERFILE = ROOT / "deploy/operator/Containerfile"
VALIDATED = "1.30"

Document = dict[str, Any]


def documents(name: str) -> list[Document]:
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


def definitions() -> list[Document]:
    return [*documents("quayregistries.yaml"), *documents("berths.yaml")]


def schema(definition: Document) -> Document:
    (version,) = definition["spec"]["versions"]
    found = version["schema"]["openAPIV3Schema"]
    assert isinstance(found, dict)
    return found


def listed() -> list[str]:
    (found,) = documents("kustomization.yaml")
    return [str(name) for name in found["resources"]]


def test_all_that_is_there_is_installed() -> None:
    assert {*listed(), "kustomization.yaml"} == {path.name for path in FOLDER.iterdir()}


def test_kubernetes_knows_every_field() -> None:
    for name in listed():
        for document in documents(name):
            kubernetes_validate.validate(document, VALIDATED, strict=True)


def test_the_definitions_are_of_the_kinds_that_are_watched() -> None:
    found = {
        Kind(
            spec["group"],
            spec["versions"][0]["name"],
            spec["names"]["kind"],
            spec["names"]["plural"],
        )
        for spec in (definition["spec"] for definition in definitions())
    }

    assert found == set(REGISTRIES)


def test_both_kinds_take_the_same() -> None:
    first, second = definitions()

    assert schema(first) == schema(second)


def test_the_schema_tells_of_every_component() -> None:
    components = schema(definitions()[0])["properties"]["spec"]["properties"]["components"]
    told = components["items"]["properties"]["kind"]["description"]

    assert [kind for kind in (*COMPONENTS, *UNSUPPORTED) if kind not in told] == []


def test_the_schema_takes_as_many_pods_as_the_operator() -> None:
    components = schema(definitions()[0])["properties"]["spec"]["properties"]["components"]
    overrides = components["items"]["properties"]["overrides"]["properties"]

    assert overrides["replicas"]["maximum"] == MOST_REPLICAS


def rights() -> dict[tuple[str, str], set[str]]:
    """The verbs for each group and resource."""
    (role,) = (found for found in documents("rights.yaml") if found["kind"] == "ClusterRole")
    return {
        (group, resource): set(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


@pytest.mark.parametrize("kind", PRUNED)
def test_what_is_made_may_be_made_and_taken_away(kind: Kind) -> None:
    assert {"get", "list", "create", "patch", "delete"} <= rights()[kind.group, kind.plural]


def test_no_right_is_for_everything() -> None:
    assert not any("*" in {*key, *verbs} for key, verbs in rights().items())


def test_rights_are_for_what_the_operator_knows() -> None:
    known = {(kind.group, kind.plural) for kind in (*PRUNED, *REGISTRIES, POD, OPENSHIFT_INGRESS)}
    known |= {(kind.group, f"{kind.plural}/status") for kind in REGISTRIES}
    more = {
        ("", "persistentvolumeclaims"),
        ("", "namespaces"),
        ("apiextensions.k8s.io", "customresourcedefinitions"),
        ("route.openshift.io", "routes/custom-host"),
    }

    assert set(rights()) == known | more


def test_content_cannot_be_deleted() -> None:
    assert "delete" not in rights()["", "persistentvolumeclaims"]


def test_every_variable_of_the_deployment_is_read() -> None:
    (deployment,) = documents("operator.yaml")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    source = Path(settings.__file__).read_text()

    assert [entry["name"] for entry in container["env"] if f'"{entry["name"]}"' not in source] == []


def copies() -> list[tuple[list[str], str]]:
    text = CONTAINERFILE.read_text()
    lines = [shlex.split(line) for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.M)]
    return [(words[:-1], words[-1]) for words in lines]


def test_what_the_image_holds_is_a_whole_operator(tmp_path: Path) -> None:
    for sources, target in copies():
        for source in sources:
            place = tmp_path / target
            place.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, place)

    said = subprocess.run(
        [sys.executable, "-m", "deploy.operator"],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    found = subprocess.run(
        [
            *(sys.executable, "-c"),
            "from deploy.operator.manifests import monitoring, pods;"
            "print(monitoring._RULES.exists(), pods._MAKE_BUCKET.exists())",
        ],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "BERTH_IMAGE is not set" in said.stderr
    assert found.stdout == "True True\n"


def test_what_the_image_copies_is_not_ignored() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()

    sources = [source for sources, _target in copies() for source in sources]

    assert [
        source
        for source in sources
        if not any(source == line[1:] or source.startswith(f"{line[1:]}/") for line in lines)
    ] == []
