"""Django's administration as an installed app, with our site in it."""

from django.contrib.admin.apps import AdminConfig


class BerthAdminConfig(AdminConfig):
    default_site = "config.admin_site.BerthAdminSite"
