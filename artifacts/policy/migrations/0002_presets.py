"""The rows of the policies that Berth ships. What each allows is in ``artifacts.policy.presets``."""

from typing import Any

from django.db import migrations

PRESETS = {
    "anything": "Every well-formed type.",
    "builtin": "Container images, Helm charts, what cosign attaches, source images, OPA bundles.",
    "images only": "Container images and nothing else.",
    "Helm only": "Helm charts and their provenance, and nothing else.",
    "signatures and SBOMs": "Signatures, attestations and SBOMs, and nothing else.",
}


def add(apps: Any, schema_editor: Any) -> None:
    policies = apps.get_model("policy", "ArtifactPolicy").objects
    for name, description in PRESETS.items():
        policies.create(name=name, description=description, preset=name)


class Migration(migrations.Migration):
    dependencies = [("policy", "0001_initial")]

    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
