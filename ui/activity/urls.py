"""Who did what, and how much was pulled."""

from django.urls import path

from ui.pending import pending

urlpatterns = [
    path("<repository:repository>/-/activity", pending, name="repository_activity"),
    path("<namespace:namespace>/-/activity", pending, name="namespace_activity"),
]
