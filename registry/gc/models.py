"""Which of several processes does a sweep now: a row that says so spares the others the work."""

from datetime import datetime, timedelta
from typing import Final

from django.db import models

from accounts import statements


class Turn(models.Model):
    """Somebody's until a moment, or until given back. Nothing depends on it but spared work."""

    name = models.CharField(max_length=50, primary_key=True)
    held_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} until {self.held_until}"


class Checkpoint(models.Model):
    """How far a sweep came that takes more than one run, and what it found until there."""

    name = models.CharField(max_length=50, primary_key=True)
    after = models.TextField(help_text="the last key that was looked at")
    problems: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.name} after {self.after}"


HOLD: Final = "hold "  # how turns begin whose holders want nothing collected


def holds(now: datetime) -> models.QuerySet[Turn]:
    return Turn.objects.filter(name__startswith=HOLD, held_until__gt=now)


_TAKE = """
    INSERT INTO gc_turn (name, held_until) VALUES (%s, %s)
    ON CONFLICT (name) DO UPDATE SET held_until = excluded.held_until
    WHERE gc_turn.held_until <= %s
"""


def take_turn(name: str, *, now: datetime, lasting: timedelta) -> bool:
    """Take a turn for so long; ``False`` when somebody has it."""
    return statements.execute(_TAKE, [name, now + lasting, now]) == 1


def keep_turn(name: str, *, taken_at: datetime, now: datetime, lasting: timedelta) -> bool:
    """Keep a turn that was taken at ``taken_at``; ``False`` when another has it since."""
    turns = Turn.objects.filter(name=name, held_until=taken_at + lasting)
    return turns.update(held_until=now + lasting) == 1


def give_back(name: str, *, now: datetime, lasting: timedelta) -> None:
    """End a turn that was taken at ``now``, unless it ran out and another has it."""
    Turn.objects.filter(name=name, held_until=now + lasting).update(held_until=now)
