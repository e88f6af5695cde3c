"""Each command that a document shows for a tool is one of the tool, and a test runs its like.

Berth's own commands are those of ``tests/config/test_documented_commands.py``.
"""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.clients.run import Home, client
from tests.config.documented import shell_commands

ROOT: Final = Path(__file__).parents[2]
COMMANDS: Final = list(dict.fromkeys(command for _, command in shell_commands()))

# What begins so is run by this test, with hosts, names and files of its own.
RUN_BY: Final[Mapping[str, str]] = {
    r"make wheel|/opt/berth/bin/pip install|python3 -m venv": "system/test_wheel.py::"
    "test_the_command_knows_the_version_of_the_project",
    r"podman login .*acme\+ci": "clients/test_logins.py::"
    "test_a_robot_pushes_where_it_was_granted_to_and_nowhere_else",
    r"podman login .*\$app": "clients/test_logins.py::"
    "test_an_application_token_pushes_as_the_person_it_belongs_to",
    r"podman login": "clients/test_podman.py::"
    "test_podman_is_told_that_it_is_logged_in_and_who_it_is",
    r"podman (manifest push|build .*--manifest)": "clients/test_podman.py::"
    "test_podman_pushes_a_manifest_list_with_all_its_images",
    r"podman (build|push|pull|tag) (?!--file)": "clients/test_podman.py::"
    "test_podman_pulls_what_it_built_and_pushed",
    r"docker (login|build|push|pull) ": "clients/test_docker.py::test_docker_pulls_what_it_pushed",
    r"skopeo (login|inspect)": "clients/test_skopeo.py::"
    "test_skopeo_inspects_an_image_and_lists_its_tags",
    r"skopeo copy --all": "clients/test_skopeo.py::test_skopeo_copies_every_image_of_an_index",
    r"skopeo delete": "clients/test_skopeo.py::test_skopeo_deletes_an_image",
    r"buildah (login|build|push)": "clients/test_buildah.py::"
    "test_buildah_builds_on_an_image_it_pulls",
    r"crane auth login|crane (ls|digest)": "clients/test_crane.py::"
    "test_crane_sees_the_tags_and_repositories_it_made",
    r"crane copy": "clients/test_crane.py::test_crane_copies_an_index_to_another_repository",
    r"helm registry login": "clients/test_helm.py::test_helm_is_told_that_the_login_succeeded",
    r"helm (create|package (?!--sign)|push|pull .*oci://(?!.*--verify))": "clients/test_helm.py::"
    "test_helm_pulls_the_etherpad_chart_it_pushed",
    r"helm (show|template)": "clients/test_helm.py::"
    "test_helm_shows_and_renders_a_chart_in_the_registry",
    r"helm install \S+ oci://": "clients/test_helm_charts.py::"
    "test_helm_installs_a_chart_as_a_trial",
    r"helm (package --sign|pull --verify)": "clients/test_helm_charts.py::"
    "test_helm_verifies_the_provenance_of_a_chart_it_pulls",
    r"helm repo (add other)|helm pull other/": "clients/test_helm_classic.py::"
    "test_the_way_of_the_documentation_from_one_repository_to_another",
    r"helm repo (add|update)|helm search repo": "clients/test_helm_classic.py::"
    "test_helm_finds_what_was_pushed_since_it_added_the_repository",
    r"helm (pull|install) \S*( ?)acme/": "clients/test_helm_classic.py::"
    "test_helm_renders_and_installs_from_the_classic_repository",
    r"helm chart|export HELM_EXPERIMENTAL_OCI": "clients/test_helm_legacy.py::"
    "test_the_documented_commands_over_https",
    r"kubectl (create|get|annotate|patch|delete) .*(-n|namespace) quay": "deploy/operator/"
    "test_in_a_cluster.py::test_an_empty_spec_has_an_address",
    r"helm (install|test) registry": "deploy/test_chart.py::test_helm_finds_nothing_wrong",
    r"oras ": "clients/test_offered_commands.py::"
    "test_what_the_page_of_an_artifact_offers_fetches_it",
    r"curl |crane auth login \S+ --username admin": "production/test_document.py::"
    "test_a_registry_that_is_well_says_so_to",
    r"install |openssl|chgrp|chmod|sed |systemctl (enable|restart)": "production/test_machine.py::"
    "test_each_line_for_root_ends_well",
    r"cosign (generate-key-pair|login|sign|verify)": "clients/test_cosign.py::"
    "test_cosign_verifies_what_it_signed_and_nothing_else",
    r"./make_secrets|cp \.env\.example|cd deploy/compose": "deploy/test_compose.py::"
    "test_secrets_are_made_once",
}
# Why nobody runs what begins so.
NOT_RUN: Final[Mapping[str, str]] = {
    r"make (serve|test|check)|git |cd berth|\. \.venv": "how a developer works on Berth, CI too",
    r"printf|echo|export": "only the shell",
    r"docker buildx": "a plugin of Docker that the machines of the tests lack",
    r"docker compose|podman (build --file|run)": "needs images from the Internet; tests/deploy"
    " reads the files",
    r"kubectl ": "needs a cluster",
    r"sudo |update-ca-certificates|apt-get|useradd|systemctl daemon-reload|journalctl|runuser|"
    r"nft |mv |cat ": "changes or asks the machine it runs on",
    r"sqlite3|rsync|cp -p|pg_dump|pg_restore|aws |BERTH_DATA=": "other tools' copies of files",
}
TOOLS: Final = {
    **{
        name: name for name in ("podman", "skopeo", "buildah", "crane", "docker", "kubectl", "oras")
    },
    "helm": "helm4",
    "cosign": "cosign3",
}
_OLD: Final = ("helm chart ",)  # of a version that make clients builds apart
_PLUGINS: Final = ("docker buildx ", "docker compose ")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_documented_command_is_run_by_a_test_or_has_a_reason(command: str) -> None:
    assert any(re.match(pattern, command) for pattern in (*RUN_BY, *NOT_RUN))


@pytest.mark.parametrize("pattern", [*RUN_BY, *NOT_RUN])
def test_what_is_said_of_commands_is_about_some(pattern: str) -> None:
    assert any(re.match(pattern, command) for command in COMMANDS)


@pytest.mark.parametrize("test", sorted(set(RUN_BY.values())))
def test_what_runs_a_documented_command_is_there(test: str) -> None:
    file, _, name = test.partition("::")

    assert re.search(rf"^def {name}\(", (ROOT / "tests" / file).read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    "command",
    [
        command
        for command in COMMANDS
        if command.split()[0] in TOOLS and not command.startswith((*_OLD, *_PLUGINS))
    ],
)
def test_a_tool_has_the_command_and_its_options(command: str, home: Home) -> None:
    """What asks for help is not run, but refused where the tool has no such option."""
    tool, verb, *words = shlex.split(command)
    # What stands behind the name of an image is not for these.
    words = ["--help", *words] if tool == "buildah" or verb == "run" else [*words, "--help"]

    home.run(client(TOOLS[tool]), verb, *words)
