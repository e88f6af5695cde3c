"""Rules about tags in Quay's words: which are pruned, and which are immutable.

Their patterns are regular expressions. What was made on the pages with a shell pattern is listed
as it was written there.
"""

from typing import Any, TypeVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from artifacts.oci.patterns import MAX_PATTERN_LENGTH, Syntax
from registry.api.http.failures import RequestInvalid
from registry.api.management.base import (
    NamespaceView,
    NotFound,
    PlacedView,
    RepositoryView,
)
from registry.api.management.bodies import Body, Choice, Text, Truth, Value
from registry.api.management.documents import id_of, pk_of
from registry.repositories.models import place_of_rule
from registry.retention.models import RetentionRule
from registry.retention.rules import COUNTING, Rule, RuleInvalid, RuleKind
from registry.retention.services import add_rule, change_rule, remove_rule
from registry.tags.immutability import (
    add_immutability_rule,
    change_immutability_rule,
    remove_immutability_rule,
)
from registry.tags.models import ImmutabilityRule

Policy = TypeVar("Policy", RetentionRule, ImmutabilityRule)


class Pruning(Body):
    """A rule that counts takes a number, one about age a lifetime such as ``5d``."""

    method = Choice([kind for kind in RuleKind if kind is not RuleKind.KEEP])
    value = Value()
    tagPattern = Text(required=False, allow_blank=True, max_length=MAX_PATTERN_LENGTH)  # noqa: N815
    tagPatternMatches = Truth(required=False)  # noqa: N815


class Immutability(Body):
    tagPattern = Text(max_length=MAX_PATTERN_LENGTH)  # noqa: N815
    tagPatternMatches = Truth(required=False)  # noqa: N815


class _Prunings(PlacedView):
    bodies = {"POST": Pruning}

    def get(self, request: Request, **_: str) -> Response:
        rows = RetentionRule.objects.filter(**place_of_rule(self.place)).in_order()
        return Response({"policies": [_pruning(row) for row in rows]})

    def post(self, request: Request, **_: str) -> Response:
        rule = _rule(self.read())
        made = add_rule(place=self.place, rule=rule, **self.change)
        return Response({"uuid": id_of(made.pk)}, status=201)


class _OnePruning(PlacedView):
    bodies = {"PUT": Pruning}

    def get(self, request: Request, policy: str, **_: str) -> Response:
        return Response(_pruning(self._row(policy)))

    def put(self, request: Request, policy: str, **_: str) -> Response:
        rule = _rule(self.read())
        change_rule(row=self._row(policy), rule=rule, **self.change)
        return Response(status=204)

    def delete(self, request: Request, policy: str, **_: str) -> Response:
        row = self._row(policy)
        answer = Response({"uuid": id_of(row.pk)})
        remove_rule(row=row, **self.change)
        return answer

    def _row(self, policy: str) -> RetentionRule:
        return _one(RetentionRule.objects.filter(**place_of_rule(self.place)), policy)


class _Immutabilities(PlacedView):
    bodies = {"POST": Immutability}

    def get(self, request: Request, **_: str) -> Response:
        rows = ImmutabilityRule.objects.filter(**place_of_rule(self.place)).order_by("pk")
        return Response({"policies": [_immutability(row) for row in rows]})

    def post(self, request: Request, **_: str) -> Response:
        made = add_immutability_rule(place=self.place, **_terms(self.read()), **self.change)
        return Response({"uuid": id_of(made.pk)}, status=201)


class _OneImmutability(PlacedView):
    bodies = {"PUT": Immutability}

    def get(self, request: Request, policy: str, **_: str) -> Response:
        return Response(_immutability(self._row(policy)))

    def put(self, request: Request, policy: str, **_: str) -> Response:
        terms = _terms(self.read())
        change_immutability_rule(rule=self._row(policy), **terms, **self.change)
        return Response(status=204)

    def delete(self, request: Request, policy: str, **_: str) -> Response:
        row = self._row(policy)
        answer = Response({"uuid": id_of(row.pk)})
        remove_immutability_rule(rule=row, **self.change)
        return answer

    def _row(self, policy: str) -> ImmutabilityRule:
        return _one(ImmutabilityRule.objects.filter(**place_of_rule(self.place)), policy)


class PruningsView(NamespaceView, _Prunings):
    pass


class PruningView(NamespaceView, _OnePruning):
    pass


class RepositoryPruningsView(RepositoryView, _Prunings):
    pass


class RepositoryPruningView(RepositoryView, _OnePruning):
    pass


class ImmutabilitiesView(NamespaceView, _Immutabilities):
    pass


class ImmutabilityView(NamespaceView, _OneImmutability):
    pass


class RepositoryImmutabilitiesView(RepositoryView, _Immutabilities):
    pass


class RepositoryImmutabilityView(RepositoryView, _OneImmutability):
    pass


def _rule(fields: dict[str, Any]) -> Rule:
    try:
        return Rule.parse(
            fields["method"],
            fields["value"],
            pattern=fields.get("tagPattern", ""),
            syntax=Syntax.REGEX,
            pattern_matches=fields.get("tagPatternMatches", True) or not fields.get("tagPattern"),
        )
    except RuleInvalid as error:
        raise RequestInvalid(str(error)) from error


def _terms(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "pattern": fields["tagPattern"],
        "syntax": Syntax.REGEX,
        "is_inverted": not fields.get("tagPatternMatches", True),
    }


def _pruning(row: RetentionRule) -> dict[str, Any]:
    return {
        "uuid": id_of(row.pk),
        "method": row.kind,
        "value": row.value if row.kind in COUNTING else row.rule.shown_value,
        "tagPattern": row.pattern or None,
        "tagPatternMatches": row.pattern_matches,
    }


def _immutability(row: ImmutabilityRule) -> dict[str, Any]:
    return {
        "uuid": id_of(row.pk),
        "tagPattern": row.pattern,
        "tagPatternMatches": not row.is_inverted,
    }


def _one(rows: QuerySet[Policy], policy: str) -> Policy:
    row = rows.select_related("repository", "namespace").filter(pk=pk_of(policy)).first()
    if row is None:
        raise NotFound(f"there is no policy {policy[:64]}")
    return row
