"""Forms that people read: chats and mail. Many events at once become one message."""

from collections.abc import Sequence
from html import escape
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid5

from registry.events.formats.telling import ALL, EventFacts, Format, Message, Options, json_message
from registry.events.kinds import EventType

LINES: Final = 10  # of a message about many events
_COLORS: Final = {
    EventType.PUSH_REFUSED: "danger",
    EventType.SIGNATURE_FAILED: "danger",
    EventType.TAG_DELETED: "warning",
    EventType.TAG_EXPIRED: "warning",
    EventType.TAG_EXPIRING: "warning",
    EventType.MANIFEST_DELETED: "warning",
    EventType.REPOSITORY_DELETED: "warning",
    EventType.TOKEN_EXPIRING: "warning",
}


def _slack(events: Sequence[EventFacts], url: str, options: Options) -> Message:
    summary = _for_slack(_summary(events))
    lines = [f"<{event.link}|{_for_slack(event.sentence)}>" for event in events[:LINES]]
    attachment = {
        "fallback": summary,
        "text": "\n".join([*lines, *_rest(events)]),
        "color": _COLORS.get(events[0].kind, "good"),
        "mrkdwn_in": ["text"],
    }
    return json_message({"text": summary, "attachments": [attachment]})


def _teams(events: Sequence[EventFacts], url: str, options: Options) -> Message:
    lines = [event.sentence for event in events[:LINES]]
    blocks: list[dict[str, Any]] = [
        {"type": "TextBlock", "text": _for_card(line), "wrap": True}
        for line in [*lines, *_rest(events)]
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
        "actions": [{"type": "Action.OpenUrl", "title": "Open", "url": events[0].link}],
    }
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return json_message({"type": "message", "attachments": [content]})


def _matrix(events: Sequence[EventFacts], url: str, options: Options) -> Message:
    """The id of the transaction makes a second try harmless, if it is about the same events."""
    others = ",".join(str(event.uuid) for event in events[1:])
    transaction = uuid5(events[0].uuid, others) if others else events[0].uuid
    room = quote(options["room"], safe="")
    lines = [
        f'<a href="{escape(event.link)}">{escape(event.sentence)}</a>' for event in events[:LINES]
    ]
    place = f"_matrix/client/v3/rooms/{room}/send/m.room.message/{transaction}"
    return json_message(
        {
            "msgtype": "m.notice",
            "body": "\n".join(_lines(events)),
            "format": "org.matrix.custom.html",
            "formatted_body": "<br>".join([*lines, *_rest(events)]),
        },
        method="PUT",
        url=f"{url.rstrip('/')}/{place}",
    )


def _email(events: Sequence[EventFacts], url: str, options: Options) -> Message:
    """The body of a mail; its subject is ``subject_of``."""
    places = dict.fromkeys(event.link for event in events[:LINES])
    text = "\n".join(
        [
            "Hello,",
            "",
            *_lines(events),
            "",
            *places,
            "",
            f"This mail comes from a hook in the registry {events[0].host}. Whoever administers"
            " the place can change or remove it on its page Hooks.",
            "",
            "Berth",
            "",
        ]
    )
    return Message(text.encode(), "text/plain; charset=utf-8")


def subject_of(events: Sequence[EventFacts]) -> str:
    return f"Berth: {_summary(events)}"


def _summary(events: Sequence[EventFacts]) -> str:
    if len(events) == 1:
        return events[0].sentence
    return f"{len(events)} events, the first: {events[0].sentence}"


def _lines(events: Sequence[EventFacts]) -> list[str]:
    return [*(event.sentence for event in events[:LINES]), *_rest(events)]


def _rest(events: Sequence[EventFacts]) -> list[str]:
    return [f"and {len(events) - LINES} more"] if len(events) > LINES else []


def _for_slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _for_card(text: str) -> str:
    """Cards read a little Markdown: what people named must not become a link."""
    return "".join(f"\\{sign}" if sign in "\\[]*_`" else sign for sign in text)


SLACK = Format("Slack, Mattermost, Discord, Rocket.Chat", ALL, _slack, is_chat=True)
TEAMS = Format("Microsoft Teams", ALL, _teams, is_chat=True)
MATRIX = Format("Matrix", ALL, _matrix, is_chat=True)
BELL = Format("Notices of people here", ALL, _email)
EMAIL = Format("E-mail", ALL, _email, is_chat=True)
