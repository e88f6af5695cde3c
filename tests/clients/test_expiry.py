"""Tags that expire and tags that are immutable: what clients ask for, and what they are told."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import oras.client
import pytest

from tests.clients.charts import Helm, package
from tests.clients.containers_tools import ContainersTool
from tests.clients.content import Image, write_layout
from tests.clients.registry import Registry
from tests.clients.run import Home, client

EXPIRES = "quay.expires-after"
IMMUTABLE = "quay.immutable=true"
WITHIN_SECONDS = 60

Tool = Callable[[str], ContainersTool]


@pytest.fixture
def tool(home: Home, registry: Registry) -> Tool:
    """podman or buildah, logged in."""

    def logged_in(name: str) -> ContainersTool:
        tool = ContainersTool(name, home, registry)
        tool.login(registry.owner)
        return tool

    return logged_in


def wait_until_gone(registry: Registry, repository: str, tag: str = "v1") -> None:
    deadline = time.monotonic() + WITHIN_SECONDS
    while registry.has(repository, tag):
        assert time.monotonic() < deadline, f"{repository}:{tag} is still there"
        time.sleep(0.1)


def assert_tells_why(answer: str) -> None:
    assert "the tag v1 expired on " in answer
    assert "can be restored until " in answer


# --- Expiry -------------------------------------------------------------------------------------


def build(podman: ContainersTool, name: str, *options: str) -> None:
    context = podman.home.folder / "context"
    context.mkdir(exist_ok=True)
    (context / "data").write_bytes(os.urandom(16))
    (context / "Containerfile").write_text("FROM scratch\nCOPY data /\n")
    podman("build", "--quiet", "--isolation=chroot", f"--tag={name}", *options, str(context))


def test_podman_reads_when_the_image_expired_that_a_label_let_expire(
    tool: Tool, registry: Registry, repository: str
) -> None:
    podman = tool("podman")
    name = f"{registry}/{repository}:v1"
    build(podman, name, f"--label={EXPIRES}=1s")
    podman("push", "--quiet", *podman.trust(), name)
    podman("rmi", name)

    wait_until_gone(registry, repository)

    assert_tells_why(podman.refused("pull", *podman.trust(), name))


def test_a_manifest_list_of_buildah_expires_as_all_its_images_say(
    tool: Tool, registry: Registry, repository: str
) -> None:
    buildah = tool("buildah")
    name = f"{registry}/{repository}:v1"
    buildah("manifest", "create", "all")
    for architecture in ("amd64", "arm64"):
        container = buildah("from", "scratch")
        buildah("config", f"--label={EXPIRES}=3h", f"--arch={architecture}", container)
        image = buildah("commit", "--quiet", container)
        buildah("manifest", "add", "all", image)

    buildah("manifest", "push", "--all", *buildah.trust(), "all", f"docker://{name}")

    (shown,) = registry.server.manage("tags", repository).splitlines()
    assert shown.startswith("v1  ")
    assert shown.endswith(" (images of the index)")


def test_oras_go_finds_no_artifact_any_more_that_an_annotation_let_expire(
    trusting_home: Home, registry: Registry, repository: str
) -> None:
    login = {"ORAS_USERNAME": registry.owner.name, "ORAS_PASSWORD": registry.owner.password}
    home = Home(trusting_home.folder, {**trusting_home.extra, **login})
    command = [client("oras-go-client"), *([] if registry.has_tls else ["-plain-http"])]
    name = f"{registry}/{repository}:v1"
    (home.folder / "data").write_bytes(os.urandom(16))

    home.run(*command, f"-annotation={EXPIRES}=1s", "push", name, "data")
    wait_until_gone(registry, repository)

    assert "v1: not found" in home.refused(*command, "pull", name, "back")  # it shows no reasons


def test_python_oras_reads_when_an_artifact_expired(
    registry: Registry,
    repository: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").write_bytes(os.urandom(16))
    name = f"{registry}/{repository}:v1"
    oras_client = oras.client.OrasClient(
        hostname=registry.host,
        insecure=not registry.has_tls,
        tls_verify=str(registry.ca_file) if registry.ca_file else True,
    )
    oras_client.login(
        registry.owner.name,
        registry.owner.password,
        hostname=registry.host,
        config_path=str(tmp_path / "config.json"),
    )

    oras_client.push(target=name, files=["data"], manifest_annotations={EXPIRES: "1s"}, quiet=True)
    wait_until_gone(registry, repository)

    with pytest.raises(Exception, match="Not Found"):
        oras_client.pull(target=name)
    assert_tells_why(caplog.text)


def test_crane_reads_when_an_image_expired_that_it_annotated(
    trusting_home: Home, registry: Registry, repository: str
) -> None:
    crane = logged_in_crane(trusting_home, registry)
    registry.push(repository, "plain", Image())
    name = f"{registry}/{repository}"

    crane.run(
        client("crane"), "mutate", f"--annotation={EXPIRES}=1s", f"--tag={name}:v1", f"{name}:plain"
    )
    wait_until_gone(registry, repository)

    assert_tells_why(crane.refused(client("crane"), "pull", f"{name}:v1", "image.tar"))
    assert registry.tags(repository) == ["plain"]


def test_regctl_reads_when_an_index_expired_that_it_annotated(
    home: Home, registry: Registry, repository: str
) -> None:
    regctl = logged_in_regctl(home, registry)
    registry.push(repository, "plain", Image())
    name = f"{registry}/{repository}"
    create = ["index", "create", f"--annotation={EXPIRES}=1s", f"--ref={name}:plain"]

    regctl.run(client("regctl"), *create, f"{name}:v1")
    wait_until_gone(registry, repository)

    assert_tells_why(regctl.refused(client("regctl"), "manifest", "get", f"{name}:v1"))


def test_a_bad_lifetime_does_not_fail_a_push(
    trusting_home: Home, registry: Registry, repository: str
) -> None:
    crane = logged_in_crane(trusting_home, registry)
    registry.push(repository, "plain", Image())
    name = f"{registry}/{repository}"

    crane.run(
        client("crane"), "mutate", f"--label={EXPIRES}=2 days", f"--tag={name}:v1", f"{name}:plain"
    )

    assert registry.tags(repository) == ["plain", "v1"]
    shown = registry.server.manage("tags", repository)
    assert "warning: quay.expires-after: '2 days' is no lifetime" in shown


# --- Immutable tags -----------------------------------------------------------------------------

REASON = "the tag v1 is immutable and cannot be "


def test_podman_reads_why_an_immutable_tag_is_not_moved(
    tool: Tool, registry: Registry, repository: str
) -> None:
    podman = tool("podman")
    name = f"{registry}/{repository}:v1"
    build(podman, name, f"--label={IMMUTABLE}")
    podman("push", "--quiet", *podman.trust(), name)
    before = registry.manifest(repository, "v1")
    podman("push", "--quiet", *podman.trust(), name)
    build(podman, name)

    answer = podman.refused("push", "--quiet", *podman.trust(), name)

    assert f"{REASON}moved to another manifest" in answer
    assert registry.manifest(repository, "v1") == before


def test_crane_reads_why_an_immutable_tag_is_neither_moved_nor_deleted(
    trusting_home: Home, registry: Registry, repository: str, tmp_path: Path
) -> None:
    crane = logged_in_crane(trusting_home, registry)
    image = registry.push(repository, "plain", Image())
    name = f"{registry}/{repository}"
    crane.run(
        client("crane"), "mutate", f"--annotation={IMMUTABLE}", f"--tag={name}:v1", f"{name}:plain"
    )
    before = registry.manifest(repository, "v1")

    layout = write_layout(tmp_path / "layout", Image())
    pushed = crane.refused(client("crane"), "push", str(layout), f"{name}:v1")
    tagged = crane.refused(client("crane"), "tag", f"{name}@{image.digest}", "v1")
    deleted = crane.refused(client("crane"), "delete", f"{name}:v1")

    for answer in (pushed, tagged):
        assert f"{REASON}moved to another manifest" in answer
    assert f"{REASON}deleted" in deleted
    assert registry.manifest(repository, "v1") == before


@pytest.mark.parametrize("version", ["helm3", "helm4"])
def test_helm_reads_why_the_version_of_a_chart_is_not_overwritten(
    version: str,
    home: Home,
    registry: Registry,
    repository: str,
    tmp_path: Path,
) -> None:
    helm = Helm(version, home, registry)
    helm.login(registry.owner)
    target = f"oci://{registry}/{repository}"
    helm("push", helm.trust, str(package(helm, tmp_path / "one", version="1.0.0")), target)
    registry.server.manage("immutable_tag", f"{repository}/etherpad:1.0.0")
    before = registry.manifest(f"{repository}/etherpad", "1.0.0")

    changed = package(helm, tmp_path / "two", version="1.0.0")
    answer = helm.refused("push", helm.trust, str(changed), target)

    assert "the tag 1.0.0 is immutable and cannot be moved to another manifest" in answer
    assert registry.manifest(f"{repository}/etherpad", "1.0.0") == before


def logged_in_crane(home: Home, registry: Registry) -> Home:
    options = ["--username", registry.owner.name, "--password-stdin", registry.host]
    home.run(client("crane"), "auth", "login", *options, stdin=registry.owner.password)
    return home


def logged_in_regctl(home: Home, registry: Registry) -> Home:
    trust = f"--cacert={registry.ca_file.read_text()}" if registry.ca_file else "--tls=disabled"
    home.run(client("regctl"), "registry", "set", "--skip-check", trust, registry.host)
    login = ["registry", "login", registry.host, f"--user={registry.owner.name}", "--pass-stdin"]
    home.run(client("regctl"), *login, stdin=registry.owner.password)
    return home
