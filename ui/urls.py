"""Every page."""

from django.urls import path

from ui.views.welcome import welcome

app_name = "ui"
urlpatterns = [
    path("", welcome, name="welcome"),
]
