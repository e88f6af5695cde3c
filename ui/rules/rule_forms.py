"""The editor of retention rules: all of them in one form, changed step by step on the server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from artifacts.oci.patterns import MAX_PATTERN_LENGTH, Syntax
from registry.retention.rules import Rule, RuleInvalid, RuleKind
from registry.retention.services import MAX_RULES
from ui.forms import PageForm

KINDS = {
    RuleKind.KEEP: "Keep all of them, or the newest",
    RuleKind.NUMBER_OF_TAGS: "Keep the newest, remove the others",
    RuleKind.CREATION_DATE: "Remove those that are older",
    RuleKind.LAST_PULL: "Remove those that nobody pulled for so long",
}
SYNTAXES = {
    Syntax.GLOB: "Shell pattern for the whole",
    Syntax.REGEX: "Regular expression found in it",
}
MATCHES = {"match": "Tags that match", "except": "All tags but those that match"}
_MAX_VALUE_LENGTH = 20
_FIRST_VALUES = {
    RuleKind.KEEP: "",
    RuleKind.NUMBER_OF_TAGS: "10",
    RuleKind.CREATION_DATE: "30d",
    RuleKind.LAST_PULL: "90d",
}
_FIELDS = ("kind", "value", "pattern", "syntax", "matches")


Row = dict[str, str]  # what the fields of one rule say


def _row(kind: RuleKind, value: str = "", pattern: str = "") -> Row:
    new = {"kind": kind.value, "value": value, "pattern": pattern}
    return {**new, "syntax": Syntax.GLOB.value, "matches": "match"}


@dataclass(frozen=True, slots=True)
class Example:
    """Rules that many want, to begin with."""

    title: str
    text: str
    rows: Sequence[Row]


EXAMPLES = {
    "newest": Example(
        "Nothing older than 90 days, but always the five newest",
        "keep the newest 5, then remove what is older than 90d",
        (_row(RuleKind.KEEP, "5"), _row(RuleKind.CREATION_DATE, "90d")),
    ),
    "releases": Example(
        "Ten releases, all else for a week",
        "keep the newest 10 of v* and remove the others, then remove what is older than 7d",
        (_row(RuleKind.NUMBER_OF_TAGS, "10", "v*"), _row(RuleKind.CREATION_DATE, "7d")),
    ),
    "pulled": Example(
        "Releases for ever, all else while it is pulled",
        "keep v*, then remove what nobody pulled for 60d",
        (_row(RuleKind.KEEP, "", "v*"), _row(RuleKind.LAST_PULL, "60d")),
    ),
    "everything": Example(
        "Everything, whatever else would hold",
        "the one rule that keeps all of them",
        (_row(RuleKind.KEEP),),
    ),
}


class RuleForm(PageForm):
    """One rule. What is wrong with it stands next to the field that it is about."""

    kind = forms.ChoiceField(label="What it does", choices=[(k.value, t) for k, t in KINDS.items()])
    value = forms.CharField(
        label="How many, or how long",
        required=False,
        max_length=_MAX_VALUE_LENGTH,
        help_text="10 tags, or a time such as 30d. Empty keeps all of them.",
    )
    pattern = forms.CharField(
        label="Pattern",
        required=False,
        max_length=MAX_PATTERN_LENGTH,
        help_text="Such as v*. Empty: all tags.",
    )
    syntax = forms.ChoiceField(label="Syntax", choices=[(s.value, t) for s, t in SYNTAXES.items()])
    matches = forms.ChoiceField(label="For", choices=list(MATCHES.items()))

    rule: Rule

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if self.errors:
            return data
        try:
            self.rule = Rule.parse(
                data["kind"],
                data["value"],
                pattern=data["pattern"],
                syntax=data["syntax"],
                pattern_matches=data["matches"] == "match",
            )
        except RuleInvalid as error:
            self.add_error(_field_of(data), _sentence(str(error)))
        return data


class RuleEditor:
    """The rules of a place, or of a form that was sent."""

    def __init__(self, rows: Sequence[Row], *, is_checked: bool = False) -> None:
        self.forms = [
            RuleForm(
                {f"rule-{n}-{key}": value for key, value in row.items()} if is_checked else None,
                initial=row,
                prefix=f"rule-{n}",
            )
            for n, row in enumerate(rows)
        ]

    @classmethod
    def of(cls, rules: Sequence[Rule]) -> "RuleEditor":
        return cls([_row_of(rule) for rule in rules])

    @classmethod
    def sent(cls, data: Mapping[str, str]) -> "RuleEditor":
        """What was sent, to be used: what is wrong with it is said."""
        return cls(_rows_of(data), is_checked=True)

    @classmethod
    def stepped(cls, data: Mapping[str, str], step: str) -> "RuleEditor":
        """What was sent, to be edited further: after ``step``, a button's value such as ``up-2``,
        which says what it asks for and the number of the rule."""
        return cls(_after(_rows_of(data), step))

    @property
    def is_valid(self) -> bool:
        wrong = [form for form in self.forms if not form.is_valid()]  # each says what is wrong
        return not wrong

    @property
    def rules(self) -> list[Rule]:
        """Ask only when they are valid."""
        return [form.rule for form in self.forms]

    @property
    def can_grow(self) -> bool:
        return len(self.forms) < MAX_RULES


def _rows_of(data: Mapping[str, str]) -> list[Row]:
    """One more than there can be at most: then saving says so."""
    rows: list[Row] = []
    while f"rule-{len(rows)}-kind" in data and len(rows) <= MAX_RULES:
        rows.append({key: data.get(f"rule-{len(rows)}-{key}", "") for key in _FIELDS})
    return rows


def _after(rows: list[Row], step: str) -> list[Row]:
    what, _, which = step.partition("-")
    if what == "add" and which in set(RuleKind) and len(rows) < MAX_RULES:
        return [*rows, _row(RuleKind(which), _FIRST_VALUES[RuleKind(which)])]
    if what == "example" and which in EXAMPLES:
        return [*EXAMPLES[which].rows]
    at = int(which) if which.isascii() and which.isdigit() and len(which) < 4 else len(rows)
    if what == "remove" and at < len(rows):
        return rows[:at] + rows[at + 1 :]
    other = {"up": at - 1, "down": at + 1}.get(what, -1)
    if at < len(rows) and 0 <= other < len(rows):
        rows[at], rows[other] = rows[other], rows[at]
    return rows


def _row_of(rule: Rule) -> Row:
    is_all = rule.kind is RuleKind.KEEP and not rule.value
    return {
        "kind": rule.kind.value,
        "value": "" if is_all else rule.shown_value,
        "pattern": rule.pattern.text if rule.pattern else "",
        "syntax": (rule.pattern.syntax if rule.pattern else Syntax.GLOB).value,
        "matches": "match" if rule.pattern_matches else "except",
    }


def _field_of(data: Mapping[str, str]) -> str:
    """Which field a rule is refused for: its value, unless the same without a pattern is fine."""
    try:
        Rule.parse(data["kind"], data["value"])
    except RuleInvalid:
        return "value"
    return "pattern"


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith(".") else f"{text}."
