from django.apps import AppConfig


class VerificationConfig(AppConfig):
    name = "registry.verification"
    label = "verification"
