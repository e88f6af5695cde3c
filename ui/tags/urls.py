"""The tags of a repository."""

from django.urls import path

from ui.tags.adding import AddTagPage
from ui.tags.changing import ChangePage
from ui.tags.comparing import ComparePage
from ui.tags.history import HistoryPage
from ui.tags.listing import TagListPage
from ui.tags.restoring import ForgetPage, RestorePage
from ui.tags.signatures import SignaturesPage

_PLACE = "<repository:repository>/-"

urlpatterns = [
    path(f"{_PLACE}/tags", TagListPage.as_view(), name="tags"),
    path(f"{_PLACE}/change-tags", ChangePage.as_view(), name="change_tags"),
    path(f"{_PLACE}/add-tag/<digest:digest>", AddTagPage.as_view(), name="add_tag"),
    path(f"{_PLACE}/history", HistoryPage.as_view(), name="history"),
    path(f"{_PLACE}/restore-tag", RestorePage.as_view(), name="restore_tag"),
    path(f"{_PLACE}/forget-tag", ForgetPage.as_view(), name="forget_tag"),
    path(f"{_PLACE}/signatures", SignaturesPage.as_view(), name="signatures"),
    path(f"{_PLACE}/compare", ComparePage.as_view(), name="compare"),
]
