"""Search: everything that begins like what was typed, as far as the visitor may read it."""

from django.http import HttpRequest, HttpResponse

from registry.search.questions import Question
from registry.search.reads import MOST_SHOWN, search
from ui.pages import Page
from ui.repository_rows import repository_rows


class SearchPage(Page):
    template = "ui/start/search.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        question = Question.read(request.GET.get("q", "").replace("\x00", ""))
        if not question.text:
            return self.render(question=question)
        answer = search(question, principal=self.visitor, now=self.now)
        return self.render(
            question=question,
            search_text=question.text,
            answer=answer,
            rows=repository_rows(answer.repositories.rows, now=self.now),
            most=MOST_SHOWN,
        )
