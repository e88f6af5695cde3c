"""Commands and manifests that fetch a Helm chart.

Source: helm's "Use OCI-based registries"; Argo CD's "Helm", "OCI"; Flux's OCIRepository v1 and
HelmRelease v2.
"""

import json
import re
from collections.abc import Sequence

from ui.commands.address import Address

_NOT_IN_KUBERNETES_NAMES = re.compile(r"[^a-z0-9]+")
_MAX_KUBERNETES_NAME = 53  # what Helm allows for a release
_SECRET = "registry-login"  # noqa: S105 - the name of one
_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

Texts = Sequence[tuple[str, str]]  # the tool, and what to type


def helm_commands(address: Address, name: str, tag: str) -> list[tuple[str, Texts]]:
    """Texts below their headings.

    Args:
        name: the chart's own name; empty when nobody could read it.
        tag: the one that is the chart's version; empty when there is none, because Helm asks
            for versions only.
    """
    version = tag.replace("_", "+")
    groups: list[tuple[str, Texts]] = []
    if tag:
        groups.append(("With Helm", _by_version(address, version)))
    groups.append(("By digest, Helm 3.17 and later", _by_digest(address)))
    if tag and name:
        groups.append(("As a classic Helm repository", _classic(address, name, version)))
        groups.append(("With Argo CD", [("Application", argo_application(address, name, version))]))
    groups.append(("With Flux", [("OCIRepository and HelmRelease", flux(address, tag))]))
    return groups


def _by_version(address: Address, version: str) -> Texts:
    http = address.registry.option("helm")
    what = f"oci://{address.repository} --version {version}{http}"
    return [
        ("helm", f"helm pull {what}"),
        ("helm", f"helm install {release(address.name)} {what}"),
        ("helm", f"helm show values {what}"),
    ]


def _by_digest(address: Address) -> Texts:
    http = address.registry.option("helm")
    return [
        ("helm", f"helm pull oci://{address.by_digest}{http}"),
        ("helm", f"helm install {release(address.name)} oci://{address.by_digest}{http}"),
    ]


def _classic(address: Address, name: str, version: str) -> Texts:
    namespace = address.namespace
    login = f" --username {address.login}" if address.login else ""
    return [
        ("helm", f"helm repo add {namespace} {_classic_url(address)}{login}"),
        ("helm", f"helm repo update {namespace}"),
        ("helm", f"helm pull {namespace}/{name} --version {version}"),
    ]


def argo_application(address: Address, name: str, version: str) -> str:
    """Argo CD takes an address without a scheme as that of an OCI registry, which it asks with
    TLS only; the classic repository it reads without as well."""
    above, chart, kind = address.repository.rpartition("/")[0], address.name, "--enable-oci "
    if not address.registry.is_secure:
        above, chart, kind = _classic_url(address), name, ""
    login = (
        f"# argocd repo add {above} --type helm {kind}--name berth --username {address.login}\n"
        if address.login
        else ""
    )
    return f"""\
{login}apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {release(address.name)}
  namespace: argocd
spec:
  project: default
  source:
    repoURL: {above}
    chart: {chart}
    targetRevision: {json.dumps(version)}
  destination:
    server: https://kubernetes.default.svc
    namespace: {release(address.name)}
  syncPolicy:
    syncOptions:
      - CreateNamespace=true
"""


def flux(address: Address, tag: str) -> str:
    name = release(address.name)
    ref = f"tag: {json.dumps(tag)}" if tag else f"digest: {address.digest}"
    insecure = "" if address.registry.is_secure else "\n  insecure: true"
    login = secret = ""
    if address.login:
        secret = f"\n  secretRef:\n    name: {_SECRET}"
        login = (
            f"# kubectl create secret docker-registry {_SECRET} --namespace flux-system"
            f" --docker-server={address.host} --docker-username={address.login}"
            " --docker-password=PASSWORD\n"
        )
    return f"""\
{login}apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata:
  name: {name}
  namespace: flux-system
spec:
  interval: 10m
  url: oci://{address.repository}{insecure}{secret}
  layerSelector:
    mediaType: {_LAYER}
    operation: copy
  ref:
    {ref}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: {name}
  namespace: flux-system
spec:
  interval: 10m
  targetNamespace: {name}
  install:
    createNamespace: true
  chartRef:
    kind: OCIRepository
    name: {name}
"""


def _classic_url(address: Address) -> str:
    return f"{address.registry.url}/helm/{address.namespace}"


def release(name: str) -> str:
    """``name`` as Kubernetes allows it."""
    plain = _NOT_IN_KUBERNETES_NAMES.sub("-", name.lower())[:_MAX_KUBERNETES_NAME].strip("-")
    return plain or "chart"
