"""Commands that fetch what a page shows, right for its kind and for this registry."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from artifacts.kinds.kinds import Kind
from registry.verification.reads import Attachments
from ui.contents.address import Address
from ui.contents.chart_commands import helm_commands
from ui.file_names import ascii_name
from ui.kinds import IMAGES

_MAX_KEYS = 3


@dataclass(frozen=True, slots=True)
class Command:
    tool: str
    text: str

    @property
    def is_document(self) -> bool:
        return "\n" in self.text


@dataclass(frozen=True, slots=True)
class Group:
    """Commands below one heading; the page shows the first group, the others unfold."""

    title: str
    commands: Sequence[Command]


@dataclass(frozen=True, slots=True)
class Traits:
    """What decides which commands work, besides the kind.

    ``chart_name`` and ``chart_tag`` are empty where clients cannot ask for a chart by version.
    ``titled`` and ``untitled`` count the layers that have a file name, and those without.
    """

    config_type: str = ""
    chart_name: str = ""
    chart_tag: str = ""
    os: str = ""
    holds_images: bool = True  # of an index
    titled: int = 0
    untitled: int = 0
    is_for_ollama: bool = False


def groups_for(kind: str, address: Address, traits: Traits) -> list[Group]:
    """How to fetch a manifest: by its tag where it has one, and by its digest."""
    if kind == Kind.HELM_CHART:
        texts = helm_commands(address, traits.chart_name, traits.chart_tag)
        return [Group(title, [Command(*one) for one in found]) for title, found in texts]
    groups = []
    if address.tag:
        groups.append(Group("By tag", _pulls(kind, address, address.by_tag, traits)))
    groups.append(Group("By digest", _pulls(kind, address, address.by_digest, traits)))
    return groups


def verification(address: Address, attached: Attachments) -> Group | None:
    """How others verify what was found valid here, each with the key that did."""
    http = "" if address.is_secure else " --allow-http-registry"
    found: dict[str, Command] = {}
    for one in attached:
        for verdict in one.verdicts:
            if verdict.key is None:
                continue
            key = f"--key {ascii_name(verdict.key.name, 'cosign')}.pub --insecure-ignore-tlog=true"
            if verdict.is_signature:
                text = f"cosign verify {key}{http} {address.by_digest}"
            else:
                kind = shlex.quote(verdict.predicate_type)
                text = f"cosign verify-attestation {key} --type {kind}{http} {address.by_digest}"
            found.setdefault(text, Command("cosign", text))
    commands = list(found.values())[:_MAX_KEYS]
    return Group("Verify", commands) if commands else None


def discovery(address: Address) -> Command:
    http = "" if address.is_secure else " --plain-http"
    return Command("oras", f"oras discover{http} {address.by_digest}")


def _pulls(kind: str, address: Address, reference: str, traits: Traits) -> list[Command]:
    if kind in IMAGES and traits.holds_images:
        return _image_pulls(kind, address, reference, traits.os)
    return [*_own_pulls(kind, address, reference, traits), *_file_pulls(address, reference, traits)]


def _own_pulls(kind: str, address: Address, reference: str, traits: Traits) -> list[Command]:
    """With the tool that the kind has of its own."""
    if kind == Kind.SIF:
        http = "" if address.is_secure else " --no-https"
        return [Command("apptainer", f"apptainer pull{http} oras://{reference}")]
    if kind == Kind.WASM and traits.config_type.startswith("application/vnd.wasm.config."):
        http = "" if address.is_secure else f" --insecure {address.host}"
        return [Command("wkg", f"wkg oci pull{http} {reference} -o {address.name}.wasm")]
    if kind == Kind.POLICY_BUNDLE:
        return [Command("conftest", f"conftest pull oci://{reference}")]
    if kind == Kind.MODEL and traits.is_for_ollama and reference == address.by_tag:
        http = "" if address.is_secure else " --insecure"
        return [Command("ollama", f"ollama pull{http} {reference}")]
    if kind == Kind.BUILD_CACHE:
        cache = f"--cache-from type=registry,ref={reference}"
        return [Command("docker", f"docker buildx build {cache} .")]
    return []


def _file_pulls(address: Address, reference: str, traits: Traits) -> list[Command]:
    """With ORAS, which saves what has a file name and leaves out the rest."""
    plain = "" if address.is_secure else " --plain-http"
    from_plain = "" if address.is_secure else " --from-plain-http"
    layout = f"--to-oci-layout {address.name}:{address.tag or 'pulled'}"
    commands = []
    if traits.titled:
        commands.append(Command("oras", f"oras pull{plain} {reference}"))
    if traits.untitled or not traits.titled:
        commands.append(Command("oras", f"oras copy{from_plain} {reference} {layout}"))
    commands.append(Command("oras", f"oras manifest fetch{plain} --pretty {reference}"))
    return commands


def _image_pulls(kind: str, address: Address, reference: str, os: str) -> list[Command]:
    podman, skopeo, crane = (
        ("", "", "")
        if address.is_secure
        else (" --tls-verify=false", " --src-tls-verify=false", " --insecure")
    )
    everything = " --all" if kind == Kind.INDEX else ""
    other = f" --override-os {os}" if os not in ("", "linux") and not everything else ""
    layout = f"oci:{address.name}:{address.tag or 'pulled'}"
    form = f" --format=oci {reference} {address.name}"
    commands = [
        Command("docker", f"docker pull {reference}"),
        Command("skopeo", f"skopeo{other} copy{skopeo}{everything} docker://{reference} {layout}"),
        Command("crane", f"crane pull{crane}{form}"),
    ]
    if os == "windows":  # podman runs images of Linux and FreeBSD only
        return commands
    return [Command("podman", f"podman pull{podman} {reference}"), *commands]
