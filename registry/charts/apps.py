from django.apps import AppConfig


class ChartsConfig(AppConfig):
    name = "registry.charts"
    label = "charts"
