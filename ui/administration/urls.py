"""Pages about the registry, for its administrators. ``config`` adds those of settings."""

from django.urls import URLPattern, path

from ui.administration.announcements import AnnouncementPage, AnnouncementsPage
from ui.administration.audit import AuditExport, AuditPage
from ui.administration.organizations import AllOrganizationsPage, OpenOrganizationPage
from ui.administration.overview import OverviewPage
from ui.administration.people import NewPersonPage, PeoplePage, PersonPage
from ui.administration.status import StatusPage


def registry_pages() -> list[URLPattern]:
    return [
        path("status", StatusPage.as_view(), name="status"),
        path("system", OverviewPage.as_view(), name="system"),
        path("system/people", PeoplePage.as_view(), name="system_people"),
        path("system/people/<namespace:username>", PersonPage.as_view(), name="system_person"),
        path("system/new-person", NewPersonPage.as_view(), name="system_new_person"),
        path("system/organizations", AllOrganizationsPage.as_view(), name="system_organizations"),
        path(
            "system/organizations/<namespace:namespace>",
            OpenOrganizationPage.as_view(),
            name="system_organization",
        ),
        path("system/announcements", AnnouncementsPage.as_view(), name="system_announcements"),
        path(
            "system/announcements/<int:announcement>",
            AnnouncementPage.as_view(),
            name="system_announcement",
        ),
        path("system/audit", AuditPage.as_view(), name="system_audit"),
        path("system/audit.<slug:form>", AuditExport.as_view(), name="system_audit_export"),
    ]
