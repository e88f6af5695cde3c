"""Each command that a page offers does what it is offered for, run by the tool as it stands there.

Only what the machines of the tests lack is left out: docker's daemon, and oras.
"""

import base64
import html
import json
import re
import shlex
import ssl
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.clients.charts import Helm, package
from tests.clients.cluster import pretended_cluster
from tests.clients.content import Image, digest, image_index, write_layout
from tests.clients.registry import PUBLIC_REPOSITORY, Registry
from tests.clients.run import Home, client
from ui.commands import cosign
from ui.commands.address import Registry as Offered

TOOLS: Final = {
    **{name: name for name in ("podman", "skopeo", "crane")},
    "helm": "helm4",
    "cosign": "cosign3",
}
LEFT_OUT: Final = ("docker ", "oras ")
SHOWN: Final = (*(f"{tool} " for tool in TOOLS), *LEFT_OUT)
_COPIED: Final = re.compile(r'data-copy="([^"]+)"')


@pytest.fixture
def user(trusting_home: Home, registry: Registry) -> Home:
    """Somebody who is logged in with every tool at once."""
    home = Home(trusting_home.folder, {**trusting_home.extra, "COSIGN_PASSWORD": ""})
    pair = f"{registry.owner.name}:{registry.owner.password}".encode()
    logins = {"auths": {registry.host: {"auth": base64.b64encode(pair).decode()}}}
    (home.folder / ".docker").mkdir()
    (home.folder / ".docker/config.json").write_text(json.dumps(logins))
    return home


def offered(registry: Registry, path: str) -> list[str]:
    """The commands on a page, as a browser copies them; documents are none."""
    context = ssl.create_default_context(cafile=registry.ca_file) if registry.ca_file else None
    with urllib.request.urlopen(f"{registry.url}/{path}", timeout=30, context=context) as answer:
        texts = _COPIED.findall(answer.read().decode())
    commands = [html.unescape(text) for text in dict.fromkeys(texts)]
    return [one for one in commands if "\n" not in one and one.startswith(SHOWN)]


def run(home: Home, command: str) -> str:
    tool, *words = shlex.split(command)
    storage = []
    if tool == "podman":
        storage = [f"--root={home.folder}/s", f"--runroot={home.folder}/r", "--storage-driver=vfs"]
        storage += ["--events-backend=file", "--cgroup-manager=cgroupfs"]
    return home.run(client(TOOLS[tool]), *storage, *words)


def runnable(commands: list[str]) -> Iterator[str]:
    return (one for one in commands if not one.startswith(LEFT_OUT))


def test_what_the_page_of_an_image_offers_fetches_it(registry: Registry, user: Home) -> None:
    registry.push(PUBLIC_REPOSITORY, "offered", Image())

    commands = offered(registry, f"{PUBLIC_REPOSITORY}/-/tags/offered")

    assert {one.split()[0] for one in commands} == {"podman", "docker", "skopeo", "crane"}
    for command in runnable(commands):
        run(user, command)


def test_what_the_page_of_an_index_offers_fetches_it(
    registry: Registry, user: Home, tmp_path: Path
) -> None:
    images = (Image(), Image(architecture="arm64"))
    http = [] if registry.has_tls else ["--insecure"]
    name = f"{registry}/{PUBLIC_REPOSITORY}"
    user.run(
        *(client("crane"), "push", "--index", *http),
        *(write_layout(tmp_path / "out", *images), f"{name}:nested"),
    )
    user.run(client("crane"), "tag", *http, f"{name}@{digest(image_index(*images))}", "both")

    commands = offered(registry, f"{PUBLIC_REPOSITORY}/-/tags/both")

    assert any(" --all " in one for one in commands)
    for command in runnable(commands):
        run(user, command)


def test_what_the_page_of_a_chart_offers_fetches_it(
    registry: Registry, user: Home, tmp_path: Path
) -> None:
    helm = Helm("helm4", user, registry)
    helm.login(registry.owner)
    organization = PUBLIC_REPOSITORY.partition("/")[0]
    registry.server.manage("create_repository", f"{organization}/etherpad", "--public")
    chart = package(helm, tmp_path, "7.7.7")
    helm("push", helm.trust, str(chart), f"oci://{registry}/{organization}")

    commands = offered(registry, f"{organization}/etherpad/-/tags/7.7.7")

    assert {one.split()[1] for one in commands} >= {"pull", "install", "show", "repo"}
    with pretended_cluster(tmp_path) as cluster:
        trial = f" --kubeconfig={cluster} --dry-run=client --disable-openapi-validation"
        for command in runnable(commands):
            run(user, command + (trial if " install " in command else ""))


def test_what_is_offered_to_sign_with_signs(
    registry: Registry, user: Home, repository: str
) -> None:
    image = Image()
    registry.push(repository, "v1", image)
    reference = f"{registry}/{repository}@{image.digest}"
    run(user, cosign.MAKE_KEYS)

    run(user, cosign.sign(Offered(registry.url), reference) + " --yes")

    run(user, cosign.verify(Offered(registry.url), reference))
