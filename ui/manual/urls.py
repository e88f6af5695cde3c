"""The manual."""

from django.urls import path

from ui.manual.views import ContentsPage, ManualPage

urlpatterns = [
    path("docs/", ContentsPage.as_view(), name="manual"),
    path("docs/<slug:name>", ManualPage.as_view(), name="manual_page"),
]
