"""What is in each Helm chart that was pushed."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, cast

from django.db import models
from django.db.models import Exists, F, OrderBy, OuterRef, Value
from django.db.models.functions import Replace

from accounts.users.models import Namespace
from artifacts.charts.chart import UNREAD
from artifacts.charts.metadata import MAX_NAME_LENGTH
from artifacts.charts.versions import MAX_KEY_LENGTH, MAX_VERSION_LENGTH
from artifacts.oci.digest import MAX_LENGTH as MAX_DIGEST_LENGTH
from artifacts.text import kept_json
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.rows.fields import AsciiField
from registry.tags.models import Tag

MAX_README_NAME = len("readme.txt")
_MAX_FILE_NAME_LENGTH = MAX_NAME_LENGTH + 1 + MAX_VERSION_LENGTH + len(".tgz")


class ChartVersionQuerySet(models.QuerySet["ChartVersion"]):
    def available(self, at: datetime) -> Self:
        """Charts that Helm loads, and that a tag which is alive at ``at`` points at.

        ``is_tagged`` is true where the tag is the version: a copy under another tag counts less
        than what the version's own tag says. In tags ``+`` is written ``_``.
        """
        tags = Tag.objects.alive(at).filter(manifest=OuterRef("manifest"))
        own = Replace(OuterRef("version"), Value("+"), Value("_"))
        return (
            self.exclude(name="")
            .filter(Exists(tags), manifest__deleted_at=None, is_refused=False)
            .annotate(is_tagged=Exists(tags.filter(name=own)))
        )

    def file(self, file_name: str) -> "ChartVersion | None":
        """The available chart with that file name; of several its own tag's, then the newest."""
        own_first = OrderBy(F("is_tagged"), descending=True)
        return self.filter(file_name=file_name).order_by(own_first, "-id").first()

    def newest_first(self) -> Self:
        return self.order_by("name", "-sort_key", "-id")


ChartVersionManager = models.Manager.from_queryset(ChartVersionQuerySet)


class ChartVersion(models.Model):
    """What the archive of one chart says: one row for each manifest of a chart.

    A chart that could not be read has no name, and its ``problems`` say why. Lists and
    mappings are text: nothing asks the database about what they hold. The namespace stands
    here too, so that the charts of an organization are one stretch of one index.
    """

    manifest = models.OneToOneField(Manifest, models.CASCADE, related_name="chart")
    repository = models.ForeignKey(Repository, models.CASCADE, related_name="charts")
    namespace = models.ForeignKey(Namespace, models.PROTECT, related_name="+", db_index=False)
    name = AsciiField(max_length=MAX_NAME_LENGTH, blank=True)
    version = models.CharField(max_length=MAX_VERSION_LENGTH, blank=True)
    sort_key = AsciiField(
        max_length=MAX_KEY_LENGTH, blank=True, help_text="sorts as the version does"
    )
    file_name = AsciiField(
        max_length=_MAX_FILE_NAME_LENGTH, blank=True, help_text="name-version.tgz"
    )
    api_version = models.TextField(blank=True)
    app_version = models.TextField(blank=True)
    description = models.TextField(blank=True)
    is_deprecated = models.BooleanField(default=False)
    metadata_json = models.TextField(default="{}", help_text="Chart.yaml without dependencies")
    dependencies_json = models.TextField(default="[]")
    lock_json = models.TextField(default="[]", help_text="the dependencies of Chart.lock")
    subcharts_json = models.TextField(default="[]", help_text="what is packed below charts/")
    templates_json = models.TextField(default="[]", help_text="their paths")
    values = models.TextField(blank=True, help_text="values.yaml")
    readme = models.TextField(blank=True)
    readme_name = AsciiField(max_length=MAX_README_NAME, blank=True, help_text="as it is spelled")
    schema = models.TextField(blank=True, help_text="values.schema.json")
    problems = models.TextField(blank=True, help_text="one sentence in each line")
    is_refused = models.BooleanField(default=False, help_text="Helm does not load it")
    content_digest = models.CharField(max_length=MAX_DIGEST_LENGTH, blank=True)
    provenance_digest = models.CharField(max_length=MAX_DIGEST_LENGTH, blank=True)
    read_at = models.DateTimeField()

    objects = ChartVersionManager()

    if TYPE_CHECKING:
        id: int
        manifest_id: int
        repository_id: int
        namespace_id: int

    class Meta:
        indexes = [
            models.Index(
                fields=["namespace", "name", "-sort_key", "-id"], name="chart_newest_first"
            ),
            models.Index(fields=["repository", "file_name"], name="chart_by_file_name"),
            models.Index(fields=["name", "repository"], name="chart_by_name"),
            models.Index(
                fields=["content_digest"],
                condition=~models.Q(content_digest=""),
                name="chart_by_archive",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name or f"unreadable chart {self.manifest_id}"

    @property
    def metadata(self) -> dict[str, Any]:
        return cast("dict[str, Any]", kept_json(self.metadata_json))

    def problem_of(self, path: str) -> str:
        """Why the file ``path`` of the archive could not be read, as a sentence; else nothing."""
        problems = self.problems.splitlines()
        begin = f"{path}{UNREAD}" if self.name else ""
        return next((line for line in problems if path and line.startswith(begin)), "")

    @property
    def dependencies(self) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", kept_json(self.dependencies_json))

    @property
    def lock(self) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", kept_json(self.lock_json))

    @property
    def subcharts(self) -> list[str]:
        return cast("list[str]", kept_json(self.subcharts_json))

    @property
    def templates(self) -> list[str]:
        return cast("list[str]", kept_json(self.templates_json))
