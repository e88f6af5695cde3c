"""Pages for administrators beside Django's."""

from django.urls import path

from ui.administration.status import StatusPage

urlpatterns = [
    path("status", StatusPage.as_view(), name="status"),
]
