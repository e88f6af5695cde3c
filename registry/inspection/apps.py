from django.apps import AppConfig


class InspectionConfig(AppConfig):
    name = "registry.inspection"
    label = "inspection"
