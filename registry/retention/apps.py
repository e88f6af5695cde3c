from django.apps import AppConfig


class RetentionConfig(AppConfig):
    name = "registry.retention"
    label = "retention"
