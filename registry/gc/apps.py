from django.apps import AppConfig


class GCConfig(AppConfig):
    name = "registry.gc"
    label = "gc"
