"""Pages for administrators beside Django's."""

from django.urls import path

from ui.pending import pending

urlpatterns = [
    path("status", pending, name="status"),
]
