from django.apps import AppConfig


class TagsConfig(AppConfig):
    name = "registry.tags"
    label = "tags"
