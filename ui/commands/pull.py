"""Commands that fetch what a page shows, right for its kind and for this registry."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from artifacts.kinds.kinds import Kind
from ui.commands.address import Address
from ui.commands.helm import helm_commands
from ui.display.kinds import IMAGES

# Those of which a person may prefer one; each kind has some of them.
TOOLS: Final = (
    *("podman", "docker", "skopeo", "crane", "oras"),
    *("apptainer", "conftest", "ollama", "wkg"),
)


@dataclass(frozen=True, slots=True)
class Command:
    tool: str
    text: str

    @property
    def is_document(self) -> bool:
        return "\n" in self.text


@dataclass(frozen=True, slots=True)
class Group:
    """Commands below one heading; the page shows the first group, the others unfold.

    ``tool`` is the one whose commands are shown, where there are several; the others of ``tools``
    are a click away.
    """

    title: str
    commands: Sequence[Command]
    tool: str = ""

    @property
    def tools(self) -> Sequence[str]:
        """Each once, in the order of their commands; none where there is no choice."""
        names = list(dict.fromkeys(one.tool for one in self.commands))
        return names if len(names) > 1 and set(names) <= set(TOOLS) else []


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
        return [Group(title, [Command(*one) for one in commands]) for title, commands in texts]
    groups = []
    if address.tag:
        groups.append(Group("By tag", _pulls(kind, address, address.by_tag, traits)))
    groups.append(Group("By digest", _pulls(kind, address, address.by_digest, traits)))
    return groups


def preferring(tool: str, groups: Sequence[Group]) -> list[Group]:
    """The groups with the commands of ``tool`` shown where they have some, else of the first."""
    return [
        replace(group, tool=tool if tool in group.tools else next(iter(group.tools), ""))
        for group in groups
    ]


def discovery(address: Address) -> Command:
    return Command("oras", f"oras discover{address.registry.option('oras')} {address.by_digest}")


def _pulls(kind: str, address: Address, reference: str, traits: Traits) -> list[Command]:
    if kind in IMAGES and traits.holds_images:
        return _image_pulls(kind, address, reference, traits.os)
    return [*_own_pulls(kind, address, reference, traits), *_file_pulls(address, reference, traits)]


def _own_pulls(kind: str, address: Address, reference: str, traits: Traits) -> list[Command]:
    """With the tool that the kind has of its own."""
    registry = address.registry
    if kind == Kind.SIF:
        http = registry.option("apptainer")
        return [Command("apptainer", f"apptainer pull{http} oras://{reference}")]
    if kind == Kind.WASM and traits.config_type.startswith("application/vnd.wasm.config."):
        http = "" if registry.is_secure else f" --insecure {registry.host}"
        return [Command("wkg", f"wkg oci pull{http} {reference} -o {address.name}.wasm")]
    if kind == Kind.POLICY_BUNDLE:
        tls = registry.option("conftest")
        return [Command("conftest", f"conftest pull{tls} oci://{reference}")]
    if kind == Kind.MODEL and traits.is_for_ollama and reference == address.by_tag:
        http = registry.option("ollama")
        return [Command("ollama", f"ollama pull{http} {reference}")]
    if kind == Kind.BUILD_CACHE:
        cache = f"--cache-from type=registry,ref={reference}"
        return [Command("docker", f"docker buildx build {cache} .")]
    return []


def _file_pulls(address: Address, reference: str, traits: Traits) -> list[Command]:
    """With ORAS, which saves what has a file name and leaves out the rest."""
    plain, from_plain = (address.registry.option(tool) for tool in ("oras", "oras copy"))
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
        address.registry.option(tool) for tool in ("podman", "skopeo copy", "crane")
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
