from django.apps import AppConfig


class AnnouncementsConfig(AppConfig):
    name = "registry.announcements"
    label = "announcements"
