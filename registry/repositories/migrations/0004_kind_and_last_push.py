"""What a repository holds and when it was last pushed to, so that lists need not look for it."""

from typing import Any

from django.db import migrations, models
from django.db.models import F, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce

_PROOFS = ("signature", "attestation", "SBOM")


def look_for_them(apps: Any, schema_editor: Any) -> None:
    manifests = apps.get_model("manifests", "Manifest").objects.filter(repository=OuterRef("pk"))
    newest = manifests.order_by("-pushed_at", "-pk")
    of_tags = newest.filter(tags__isnull=False, subject_digest="").exclude(kind__in=_PROOFS)
    apps.get_model("repositories", "Repository").objects.update(
        last_pushed_at=Coalesce(Subquery(newest.values("pushed_at")[:1]), F("created_at")),
        kind=Coalesce(
            Subquery(of_tags.values("kind")[:1]), Subquery(newest.values("kind")[:1]), Value("")
        ),
    )


class Migration(migrations.Migration):
    dependencies = [
        ("repositories", "0003_policy_and_signatures"),
        ("manifests", "0004_digests_in_the_order_of_their_bytes"),
        ("tags", "0002_expiry_history_and_immutability"),
    ]

    operations = [
        migrations.AddField(
            model_name="repository",
            name="kind",
            field=models.CharField(
                blank=True,
                choices=[
                    ("image", "image"),
                    ("index", "index"),
                    ("helm chart", "helm chart"),
                    ("signature", "signature"),
                    ("attestation", "attestation"),
                    ("SBOM", "SBOM"),
                    ("WebAssembly module", "WebAssembly module"),
                    ("Singularity image", "Singularity image"),
                    ("policy bundle", "policy bundle"),
                    ("artifact", "artifact"),
                ],
                default="",
                help_text="what was last tagged in it, signatures and the like aside",
                max_length=20,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="repository",
            name="last_pushed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="repository",
            name="last_pushed_by",
            field=models.CharField(
                blank=True,
                default="",
                help_text="the name of who pushed then, where it is known",
                max_length=255,
            ),
            preserve_default=False,
        ),
        migrations.RunPython(look_for_them, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="repository",
            name="last_pushed_at",
            field=models.DateTimeField(
                help_text="to the minute; when it was created, while it is empty"
            ),
        ),
        migrations.AddIndex(
            model_name="repository",
            index=models.Index(
                fields=["namespace", "-last_pushed_at", "-id"], name="repository_last_pushed"
            ),
        ),
        migrations.AddIndex(
            model_name="repository",
            index=models.Index(
                fields=["-last_pushed_at", "-id"], name="repository_last_pushed_of_all"
            ),
        ),
    ]
