from django.apps import AppConfig


class PolicyConfig(AppConfig):
    name = "artifacts.policy"
    label = "policy"
