from django.apps import AppConfig


class ManifestsConfig(AppConfig):
    name = "registry.manifests"
    label = "manifests"
