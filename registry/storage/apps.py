"""The Django app of the stores: one table, for uploads on their way into S3."""

from django.apps import AppConfig


class StorageConfig(AppConfig):
    name = "registry.storage"
    label = "storage"
