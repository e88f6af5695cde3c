"""What may be stored, how long it stays, and whose signatures count."""

from django.urls import path

from ui.pending import pending

urlpatterns = [
    path("<namespace:namespace>/-/policy", pending, name="policy"),
    path("<namespace:namespace>/-/retention", pending, name="retention"),
    path("<namespace:namespace>/-/keys", pending, name="keys"),
    path("<repository:repository>/-/rules", pending, name="rules"),
]
