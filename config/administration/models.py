"""Settings that administrators changed while Berth runs."""

import json
from typing import Any

from django.db import models


class Setting(models.Model):
    """A key of ``config.yaml`` with another value than its default; see ``runtime.py``."""

    key = models.CharField(max_length=100, primary_key=True)
    value_json = models.TextField(help_text="as it would stand in config.yaml, as JSON")
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=255)

    def __str__(self) -> str:
        return self.key

    @property
    def value(self) -> Any:
        """Raises ``ValueError`` when the row was not written by us."""
        return json.loads(self.value_json)


class SettingsVersion(models.Model):
    """One row whose number grows with every change: what processes look at to notice one."""

    number = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.number)
