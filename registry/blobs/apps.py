from django.apps import AppConfig


class BlobsConfig(AppConfig):
    name = "registry.blobs"
    label = "blobs"
