from django.apps import AppConfig


class RepositoriesConfig(AppConfig):
    name = "registry.repositories"
    label = "repositories"
