"""Two apps: the settings that administrators change, and Django's administration with our site."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class AdministrationConfig(AppConfig):
    name = "config.administration"
    label = "config"  # what its tables and permissions are called
    verbose_name = "Configuration"


class BerthAdminConfig(AdminConfig):
    default_site = "config.administration.admin_site.BerthAdminSite"
