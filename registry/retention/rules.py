"""Which tags of a repository stay: ordered rules, asked tag by tag. Plain Python.

The rules are asked in their order. The first that covers the name of a tag and has something
to say decides; a tag about which no rule says anything stays.

- ``keep`` keeps what it covers. With a value of N it keeps the newest N and says nothing
  about the others.
- ``number_of_tags`` keeps the newest N of what it covers and removes the others.
- ``creation_date`` removes what is older than its value, and says nothing about younger tags.
- ``last_pull`` removes what nobody pulled for that long, counted from the push at the earliest.

*Newest* counts only tags that come as far as the rule. Immutable tags stay, and companions
(see ``artifacts.oci.companions``) go with their subject: neither is asked about or counted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

from artifacts.oci.companions import subject_of
from artifacts.oci.lifetimes import MAX_SECONDS, LifetimeInvalid, parse_lifetime, written_lifetime
from artifacts.oci.patterns import PatternInvalid, Syntax, TagPattern

MAX_COUNT: Final = 1_000_000
# Pulls are noted once an hour: the last one may be as much later than it says.
_PULLS_ARE_NOTED_EVERY: Final = timedelta(hours=1)


class RuleInvalid(ValueError):
    """Says in one sentence what is wrong with a rule."""


class RuleKind(StrEnum):
    KEEP = "keep"
    NUMBER_OF_TAGS = "number_of_tags"
    CREATION_DATE = "creation_date"
    LAST_PULL = "last_pull"


COUNTING: Final = frozenset({RuleKind.KEEP, RuleKind.NUMBER_OF_TAGS})


@dataclass(frozen=True, slots=True)
class Rule:
    """``value`` is a number of tags or of seconds, as the kind says; 0 is for ``keep`` alone.

    Without a pattern the rule covers every tag. Raises ``RuleInvalid``.
    """

    kind: RuleKind
    value: int = 0
    pattern: TagPattern | None = None
    pattern_matches: bool = True

    def __post_init__(self) -> None:
        smallest = 0 if self.kind is RuleKind.KEEP else 1
        largest = MAX_COUNT if self.kind in COUNTING else MAX_SECONDS
        if not smallest <= self.value <= largest:
            what = "tags" if self.kind in COUNTING else "seconds"
            raise RuleInvalid(f"{self.kind} takes from {smallest} to {largest} {what}")
        if self.pattern is None and not self.pattern_matches:
            raise RuleInvalid("a rule for all but the tags of a pattern needs a pattern")

    @classmethod
    def parse(
        cls,
        kind: str,
        value: str,
        *,
        pattern: str = "",
        syntax: str = Syntax.GLOB,
        pattern_matches: bool = True,
    ) -> Self:
        """A rule as a person writes it, with a value such as ``10`` or ``30d``.

        Raises ``RuleInvalid``.
        """
        number = parse_value(kind, value)
        try:
            tag_pattern = TagPattern(pattern, Syntax(syntax)) if pattern else None
            return cls(RuleKind(kind), number, tag_pattern, pattern_matches)
        except PatternInvalid as error:
            raise RuleInvalid(str(error)) from error

    @property
    def shown_value(self) -> str:
        """The value as ``parse`` reads it."""
        if self.kind in COUNTING:
            return str(self.value)
        return written_lifetime(self.value)

    def __str__(self) -> str:
        match self.kind:
            case RuleKind.KEEP if self.value:
                return f"keep the newest {self.value} of {self._tags}"
            case RuleKind.KEEP:
                return f"keep {self._tags}"
            case RuleKind.NUMBER_OF_TAGS:
                return f"keep the newest {self.value} of {self._tags} and remove the others"
            case RuleKind.CREATION_DATE:
                return f"remove {self._tags} older than {self.shown_value}"
            case RuleKind.LAST_PULL:
                return f"remove {self._tags} that nobody pulled for {self.shown_value}"

    @property
    def _tags(self) -> str:
        if self.pattern is None:
            return "all tags"
        but = "" if self.pattern_matches else "all but "
        sign = "/" if self.pattern.syntax is Syntax.REGEX else ""
        return f"{but}the tags {sign}{self.pattern.text}{sign}"

    def covers(self, name: str) -> bool:
        return self.pattern is None or self.pattern.matches(name) == self.pattern_matches


@dataclass(frozen=True, slots=True)
class TagFacts:
    """What is known of a tag: ``started_at`` is when it began to point at its manifest."""

    name: str
    digest: str
    started_at: datetime
    last_pulled_at: datetime | None = None
    is_immutable: bool = False

    @property
    def subject(self) -> str | None:
        """For a companion, what the digest of its subject begins with."""
        return subject_of(self.name)

    @property
    def position(self) -> tuple[datetime, str]:
        """The greater, the newer. No two tags of a repository share one."""
        return self.started_at, self.name

    @property
    def last_used_at(self) -> datetime:
        if self.last_pulled_at is None:
            return self.started_at
        return max(self.started_at, self.last_pulled_at + _PULLS_ARE_NOTED_EVERY)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a tag stays, and why. ``rule`` is the number, from 1, of the rule that decided.

    ``is_open``: the counting stopped before it came to this tag, which may yet go.
    """

    tag: TagFacts
    is_kept: bool
    reason: str
    rule: int | None = None
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Rules, and for each that counts the oldest tag that it keeps.

    With these, one tag can be decided without looking at the others, in memory that does not
    grow with their number.
    """

    rules: tuple[Rule, ...]
    now: datetime
    _oldest: dict[int, tuple[datetime, str]] = field(default_factory=dict)
    _stopped: dict[int, tuple[datetime, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, rules: Iterable[Rule], newest_first: Iterable[TagFacts], now: datetime) -> Self:
        """Count the tags, which come in falling order of their ``position``, as far as needed.

        When only the newest of them come, what a rule has not counted to the end says of older
        tags stays open.
        """
        plan = cls(tuple(rules), now)
        left = {
            number: rule.value
            for number, rule in enumerate(plan.rules, 1)
            if rule.kind in COUNTING and rule.value
        }
        if not left:
            return plan
        last = None
        for tag in newest_first:
            last = tag.position
            if tag.subject:
                continue
            decision = plan.decide(tag)
            if decision.is_kept and decision.rule in left:
                left[decision.rule] -= 1
                if not left[decision.rule]:
                    plan._oldest[decision.rule] = tag.position
                    del left[decision.rule]
                if not left:
                    break
        if last is not None:
            plan._stopped.update(dict.fromkeys(left, last))
        return plan

    def decide(self, tag: TagFacts) -> Decision:
        """What becomes of a tag that is no companion."""
        if tag.is_immutable:
            return Decision(tag, True, "it is immutable")
        for number, rule in enumerate(self.rules, 1):
            if rule.covers(tag.name) and (is_kept := self._ask(number, rule, tag)) is not None:
                is_open = number in self._stopped and tag.position < self._stopped[number]
                return Decision(tag, is_kept, f"rule {number}: {rule}", number, is_open)
        return Decision(tag, True, "no rule removes it")

    def _ask(self, number: int, rule: Rule, tag: TagFacts) -> bool | None:
        """Whether the rule keeps the tag; ``None`` when it says nothing about it."""
        match rule.kind:
            case RuleKind.KEEP:
                return True if self._is_among_newest(number, tag) else None
            case RuleKind.NUMBER_OF_TAGS:
                return self._is_among_newest(number, tag)
            case RuleKind.CREATION_DATE:
                since = tag.started_at
            case RuleKind.LAST_PULL:
                since = tag.last_used_at
        return False if self.now - since > timedelta(seconds=rule.value) else None

    def _is_among_newest(self, number: int, tag: TagFacts) -> bool:
        """Always so while the counting has not come to the end, and for a rule without a number."""
        return number not in self._oldest or tag.position >= self._oldest[number]


def parse_value(kind: str, text: str) -> int:
    """The number of tags or of seconds that ``10`` or ``30d`` stands for.

    Raises ``RuleInvalid``.
    """
    if kind not in set(RuleKind):
        raise RuleInvalid(f"{kind!a} is none of {', '.join(RuleKind)}")
    if RuleKind(kind) not in COUNTING:
        try:
            return int(parse_lifetime(text).total_seconds())
        except LifetimeInvalid as error:
            raise RuleInvalid(str(error)) from error
    if kind == RuleKind.KEEP and not text.strip():
        return 0
    if not (text.strip().isascii() and text.strip().isdigit() and len(text) <= 20):
        raise RuleInvalid(f"{text[:40]!a} is no number of tags")
    return int(text)


def rule_of_policy(policy: Mapping[str, Any]) -> Rule:
    """A rule as Quay writes it: ``{"method": "number_of_tags", "value": 10}``.

    Raises ``RuleInvalid``.
    """
    if set(policy) != {"method", "value"}:
        raise RuleInvalid("a policy has a method and a value")
    return Rule.parse(str(policy["method"]), str(policy["value"]))
