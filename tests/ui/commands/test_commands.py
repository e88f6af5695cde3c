"""Command lines that a person is to type: each is told what it needs about this registry."""

import base64
import json
from itertools import chain
from pathlib import Path

import pytest
import yaml

from artifacts.kinds.kinds import Kind
from ui.commands import cosign, login, push
from ui.commands.address import Address, Registry
from ui.commands.login import Login, docker_config, pull_secret, recipes
from ui.commands.pull import Traits, discovery, groups_for

DIGEST = f"sha256:{'a' * 64}"
OPTIONS = (
    "--allow-http-registry",
    "--dest-tls-verify=false",
    "--from-plain-http",
    "--no-https",
    "--plain-http",
    "--src-tls-verify=false",
    "--tls=false",
    "--tls-verify=false",
)


def lines(scheme: str) -> list[str]:
    """Every line that speaks to the registry, but for those of tools that cannot be told."""
    registry = Registry(f"{scheme}://registry.test:5000")
    address = Address(registry, "acme/web", DIGEST, "v1")
    traits = Traits(
        config_type="application/vnd.wasm.config.v0+json",
        chart_name="web",
        chart_tag="1.0.0",
        titled=1,
        untitled=1,
        is_for_ollama=True,
    )
    groups = chain.from_iterable(groups_for(kind, address, traits) for kind in Kind)
    tools = [*push.into_namespace(registry, "acme"), *push.into_repository(registry, "acme/web")]
    every = [
        *(one.text for group in groups for one in group.commands if not one.is_document),
        *(line for tool in tools for line in tool.commands),
        *(line for one in recipes(Login(registry, "acme+ci")) for line in one.commands),
        *login.logins(registry, "alice"),
        push.push_image(registry, "acme/web", "IMAGE"),
        push.push_chart(registry, "web.tgz", "acme"),
        cosign.sign(registry, address.by_digest),
        cosign.verify(registry, address.by_digest),
        cosign.verify(registry, address.by_digest, attested="https://spdx.dev/Document"),
        discovery(address).text,
    ]
    silent = ("docker ", "helm repo ", "helm pull acme/", "kubectl ", "cosign login")
    return [
        line
        for line in every
        if not line.partition("| ")[2].startswith(silent) and not line.startswith(silent)
    ]


@pytest.mark.parametrize("line", lines("http"))
def test_without_tls_each_tool_is_told_so(line: str) -> None:
    assert sum(option in line.split() for option in (*OPTIONS, "--insecure")) == 1


@pytest.mark.parametrize("line", lines("https"))
def test_with_tls_no_tool_is_told_anything(line: str) -> None:
    assert not {*OPTIONS, "--insecure"}.intersection(line.split())


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000"])
def test_with_tls_on_this_machine_some_tools_are_told_that_it_is_there(host: str) -> None:
    registry = Registry(f"https://{host}")

    assert login.log_in("oras", registry) == f"oras login {host} --plain-http=false"
    assert registry.option("oras copy") == " --from-plain-http=false"
    assert registry.option("conftest") == " --tls=true"
    assert registry.option("helm") == ""


@pytest.mark.parametrize("host", ["localhost.test", "127.0.0.1.test", "10.127.0.0.1"])
def test_with_tls_elsewhere_no_tool_needs_to_be_told(host: str) -> None:
    assert Registry(f"https://{host}:5000").option("oras") == ""


def test_a_certificate_of_its_own_is_named_to_the_tools_that_need_it() -> None:
    registry = Registry("https://registry.test", {"helm": "--ca-file /ca.crt"})

    assert login.log_in("helm", registry) == "helm registry login registry.test --ca-file /ca.crt"
    assert login.log_in("oras", registry) == "oras login registry.test"


@pytest.mark.parametrize("folder", ["ui", "templates", "config"])
def test_no_page_writes_such_a_line_itself(folder: str) -> None:
    root = Path(__file__).parents[3]
    files = (path for path in (root / folder).rglob("*") if path.suffix in {".py", ".html"})
    elsewhere = {
        str(path.relative_to(root))
        for path in files
        if path.parent != root / "ui" / "commands"
        and any(option in path.read_text() for option in OPTIONS)
    }

    assert elsewhere == set()


def test_signatures_are_made_without_a_public_log_in_the_words_of_cosign_3() -> None:
    line = cosign.sign(Registry("http://registry.test"), f"registry.test/acme/web@{DIGEST}")

    assert line == (
        "cosign sign --key cosign.key --tlog-upload=false --use-signing-config=false"
        f" --allow-http-registry registry.test/acme/web@{DIGEST}"
    )


def test_flags_fit_a_host_with_and_without_tls() -> None:
    def commands(scheme: str) -> str:
        login = Login(Registry(f"{scheme}://registry.test:5000"), "acme+ci")
        return "\n".join(line for recipe in recipes(login) for line in recipe.commands)

    plain, secure = commands("http"), commands("https")

    assert "podman login --username 'acme+ci' --password-stdin --tls-verify=false" in plain
    assert "helm registry login --username 'acme+ci' --password-stdin --plain-http" in plain
    assert "oras login --username 'acme+ci' --password-stdin --plain-http" in plain
    assert "--tls-verify" not in secure
    assert "--plain-http" not in secure


def test_what_is_written_into_files_is_read_back_as_it_was() -> None:
    login = Login(Registry("https://registry.test"), "12e+03", "berth_x")

    secret = yaml.safe_load(pull_secret(login))
    auths = json.loads(docker_config(login))["auths"]

    assert secret["metadata"]["name"] == "12e-03"
    assert base64.b64decode(auths["registry.test"]["auth"]) == b"12e+03:berth_x"


def test_recipes_for_pipelines_never_hold_the_token() -> None:
    login = Login(Registry("https://registry.test"), "acme+ci", "berth_secret")

    for recipe in recipes(login):
        if recipe.id in {"github", "gitlab", "tekton"}:
            assert "berth_secret" not in "".join(recipe.lines)
            assert "BERTH_TOKEN" in "".join(recipe.lines)
