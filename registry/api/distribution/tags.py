"""The list of tags: end-8."""

from rest_framework.request import Request
from rest_framework.response import Response

from registry.api.distribution.base import RepositoryView
from registry.api.distribution.paging import next_link, page_size, page_start
from registry.tags.models import Tag


class TagsView(RepositoryView):
    """The tags of one repository in the order of their bytes, page by page."""

    actions = {"GET": "pull", "HEAD": "pull"}

    def get(self, request: Request, name: str) -> Response:
        size = page_size(request)
        tags = Tag.objects.filter(repository=self.repository.id).alive(at=self.now)
        tags = tags.page(after=page_start(request), size=size + 1)
        names = list(tags.values_list("name", flat=True)) if size else []
        page = names[:size]
        more = len(names) > size
        headers = next_link(f"/v2/{name}/tags/list", n=size, last=page[-1]) if more else {}
        return Response({"name": name, "tags": page}, headers=headers)
