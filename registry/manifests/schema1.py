"""What a push of schema 1 is held to beyond other pushes: it names its own repository and tag."""

from collections.abc import Sequence

from artifacts.oci.errors import NameInvalid
from artifacts.oci.names import Reference
from artifacts.oci.schema1 import Schema1
from registry.repositories.models import Repository
from registry.repositories.paths import repository_path


def tags_of_push(
    schema1: Schema1, *, repository: Repository, reference: Reference, tags: Sequence[str]
) -> list[str]:
    """The tags that a push points at a manifest; by digest, the one that stands in it.

    Raises ``NameInvalid`` when the manifest was made for another repository or tag.
    """
    if repository_path(schema1.name) != repository.path:
        raise NameInvalid(
            f"the manifest is for the repository {schema1.name}, not {repository.path}",
            name=schema1.name,
        )
    asked = {*tags, *([reference.tag] if reference.tag else [])}
    if others := sorted(asked - {schema1.tag}):
        raise NameInvalid(
            f"the manifest is for the tag {schema1.tag}, not {others[0]}", tag=schema1.tag
        )
    return [schema1.tag] if schema1.tag else []
