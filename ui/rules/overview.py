"""Every rule that holds in a repository, on one page."""

from django.http import HttpRequest, HttpResponse

from registry.repositories.models import SignatureRequirement
from registry.repositories.policies import effective_policy
from registry.retention.models import RetentionRun
from registry.retention.selection import rules_of
from registry.tags.models import ImmutabilityRule
from registry.tags.time_machine import time_machine_of
from ui.rules.places import RepositoryRules
from ui.rules.signatures import DAYS, TITLES, unsigned_pulls
from ui.rules.time_machine import words_of


class RulesPage(RepositoryRules):
    template = "ui/rules/overview.html"
    section = "rules"

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        immutability = ImmutabilityRule.objects.of(self.repository).order_by("pk")
        return self.render(
            policy=effective_policy(self.repository),
            retention=rules_of(self.repository),
            last_run=RetentionRun.objects.filter(repository=self.repository).first(),
            immutability=list(immutability),
            time_machine=words_of(time_machine_of(self.repository.namespace)),
            requirement=TITLES[SignatureRequirement(self.repository.signature_requirement)],
            unsigned=sum(one.count for one in unsigned_pulls(self.repository, self.now.date())),
            days=DAYS,
        )
