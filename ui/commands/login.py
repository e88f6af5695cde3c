"""How clients log in, tool by tool: by typing, or with a robot's name and token in their place.

Without the token, which is shown once, a shell variable stands for it.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.safestring import SafeString

from ui.commands.address import Registry
from ui.display.code import code_lines

MAX_SECRET_NAME_LENGTH = 253  # of Kubernetes
_LOGIN: Final[Mapping[str, str]] = {
    "helm": "helm registry login",
    **{tool: f"{tool} login" for tool in ("cosign", "docker", "oras", "podman", "skopeo")},
}
_NOT_FOR_KUBERNETES = re.compile(r"[^a-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class Login:
    """Whose credentials, and for which registry. ``secret`` is empty when it is not known."""

    registry: Registry
    name: str
    secret: str = ""

    @property
    def host(self) -> str:
        return self.registry.host

    @property
    def kubernetes_name(self) -> str:
        """``acme+ci`` as Kubernetes can call a secret."""
        return _NOT_FOR_KUBERNETES.sub("-", self.name)[:MAX_SECRET_NAME_LENGTH].rstrip(".-")


@dataclass(frozen=True, slots=True)
class Recipe:
    """One tool's section: commands to run, or a file to keep."""

    id: str
    title: str
    commands: Sequence[str] = ()
    lines: Sequence[SafeString] = ()
    note: str = ""


def log_in(tool: str, registry: Registry) -> str:
    """The tool asks for the name and for the password."""
    return f"{_LOGIN[tool]} {registry.host}{registry.option(tool)}"


def log_in_as(tool: str, registry: Registry, name: str) -> str:
    """The tool asks for the password. ``name`` is written as a shell reads it."""
    return f"{_LOGIN[tool]}{registry.option(tool)} -u {name} {registry.host}"


def logins(registry: Registry, name: str) -> Sequence[str]:
    """How clients log in; each asks for the secret. Quotes keep a shell away from the ``$``."""
    tools = ("podman", "helm", "docker", "oras")
    return [log_in_as(tool, registry, f"'{name}'") for tool in tools]


def recipes(login: Login) -> list[Recipe]:
    registry = login.registry
    made = [
        Recipe("podman", "podman", [_piped("podman", login)]),
        Recipe("docker", "docker", [_piped("docker", login)], note=registry.docker_note),
        Recipe("helm", "Helm", [_piped("helm", login)]),
        Recipe("oras", "ORAS", [_piped("oras", login)]),
        Recipe("skopeo", "skopeo", [_piped("skopeo", login)]),
        Recipe(
            "cosign",
            "cosign",
            [_piped("cosign", login)],
            note=""
            if registry.is_secure
            else "Without TLS, add --allow-http-registry to cosign sign and cosign verify.",
        ),
        _kubernetes(login),
    ]
    if login.secret:
        lines = code_lines(docker_config(login), "json")
        made.append(Recipe("config", "Docker's config.json", lines=lines))
    return [*made, *_pipelines(login)]


def docker_config(login: Login) -> str:
    """``~/.docker/config.json`` of who is logged in."""
    return json.dumps({"auths": {login.host: {"auth": _basic(login)}}}, indent=2)


def pull_secret(login: Login) -> str:
    """A Kubernetes secret with which pods pull, as YAML."""
    auths = {login.host: {"username": login.name, "password": login.secret, "auth": _basic(login)}}
    document = base64.b64encode(json.dumps({"auths": auths}).encode()).decode()
    return (
        "apiVersion: v1\n"
        "kind: Secret\n"
        f"metadata:\n  name: {json.dumps(login.kubernetes_name)}\n"
        "type: kubernetes.io/dockerconfigjson\n"
        f"data:\n  .dockerconfigjson: {document}\n"
    )


def _kubernetes(login: Login) -> Recipe:
    use = (
        f'kubectl patch serviceaccount default --patch \'{{"imagePullSecrets":'
        f' [{{"name": "{login.kubernetes_name}"}}]}}\''
    )
    if login.secret:
        lines = code_lines(pull_secret(login), "yaml")
        return Recipe(
            "kubernetes",
            "Kubernetes",
            [f"kubectl apply --filename {login.kubernetes_name}.yaml", use],
            lines,
        )
    create = (
        f"kubectl create secret docker-registry {login.kubernetes_name}"
        f" --docker-server={login.host} --docker-username='{login.name}'"
        ' --docker-password="$BERTH_TOKEN"'
    )
    return Recipe("kubernetes", "Kubernetes", [create, use])


def _pipelines(login: Login) -> list[Recipe]:
    """Recipes for CI. They name the variable that holds the token, never the token."""
    host, name = json.dumps(login.host), json.dumps(login.name)
    github = (
        "- uses: docker/login-action@v3\n"
        f"  with:\n    registry: {host}\n    username: {name}\n"
        "    password: ${{ secrets.BERTH_TOKEN }}\n"
    )
    namespace = login.name.partition("+")[0]
    gitlab = (
        "publish:\n"
        "  image: docker:latest\n"
        '  services: ["docker:dind"]\n'
        "  script:\n"
        f"    - echo \"$BERTH_TOKEN\" | docker login --username '{login.name}'"
        f" --password-stdin {login.host}\n"
        f"    - docker build --tag {login.host}/{namespace}/NAME:$CI_COMMIT_SHORT_SHA .\n"
        f"    - docker push {login.host}/{namespace}/NAME:$CI_COMMIT_SHORT_SHA\n"
    )
    tekton = (
        "apiVersion: v1\nkind: Secret\n"
        f"metadata:\n  name: {json.dumps(login.kubernetes_name)}\n"
        f"  annotations:\n    tekton.dev/docker-0: {json.dumps(login.registry.url)}\n"
        "type: kubernetes.io/basic-auth\n"
        f"stringData:\n  username: {name}\n  password: BERTH_TOKEN\n"
        "---\n"
        "apiVersion: v1\nkind: ServiceAccount\n"
        "metadata:\n  name: build\n"
        f"secrets:\n  - name: {json.dumps(login.kubernetes_name)}\n"
    )
    keep = "Keep the token as the protected variable BERTH_TOKEN of the pipeline."
    return [
        Recipe("github", "GitHub Actions", lines=code_lines(github, "yaml"), note=keep),
        Recipe("gitlab", "GitLab CI", lines=code_lines(gitlab, "yaml"), note=keep),
        Recipe(
            "tekton",
            "Tekton",
            lines=code_lines(tekton, "yaml"),
            note="Write the token in the place of BERTH_TOKEN before you apply this.",
        ),
    ]


def _piped(tool: str, login: Login) -> str:
    token = f"echo '{login.secret}'" if login.secret else 'echo "$BERTH_TOKEN"'
    http = "" if tool == "cosign" else login.registry.option(tool)  # only its other commands ask
    user = f"--username '{login.name}' --password-stdin"
    return f"{token} | {_LOGIN[tool]} {user}{http} {login.host}"


def _basic(login: Login) -> str:
    return base64.b64encode(f"{login.name}:{login.secret}".encode()).decode()
