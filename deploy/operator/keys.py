"""Secrets that the operator makes for a registry: once, and never anew unless somebody asks.

Keys change in two steps, so that no pod meets what it cannot read: first all pods learn to read
what the next key signs, and when all do, they begin to sign with it.
"""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from deploy.operator.kinds import Manifest
from deploy.operator.refusals import Blocked

ROTATE = "berth.dev/rotate-secret-key"  # on the resource: any text, another for each rotation
_ROTATED = "berth.dev/rotated"  # on the Secret: the text that was followed last
_MOST_FALLBACKS = 4
_NAMES = (
    "SECRET_KEY",
    "ADMIN_PASSWORD",
    "METRICS_TOKEN",
    "DATABASE_PASSWORD",
    "REDIS_PASSWORD",
    "STORAGE_ACCESS_KEY",
    "STORAGE_SECRET_KEY",
)
_NEXT = "NEXT_SECRET_KEY"
_FALLBACKS = "SECRET_KEY_FALLBACKS"


@dataclass(frozen=True, slots=True)
class Keys:
    values: Mapping[str, str]
    fallbacks: tuple[str, ...] = ()  # newest first
    following: str = ""  # the key that takes over once all pods read it
    rotated: str = ""

    @classmethod
    def generate(cls, *, rotated: str) -> "Keys":
        return cls(values={name: secrets.token_urlsafe(36) for name in _NAMES}, rotated=rotated)

    @classmethod
    def read(cls, secret: Manifest) -> "Keys":
        """
        Raises:
            Blocked: one is gone. Another in its place would lock everybody out.
        """
        data = secret.get("data") or {}
        values = {key: base64.b64decode(text).decode() for key, text in data.items()}
        if missing := [name for name in _NAMES if not values.get(name)]:
            raise Blocked(
                "KeysMissing",
                f"The Secret {secret['metadata']['name']} has lost {', '.join(missing)}: bring"
                " them back. What is in use stands in the Secret with the configuration.",
            )
        return cls(
            values={name: values[name] for name in _NAMES},
            fallbacks=tuple(json.loads(values.get(_FALLBACKS) or "[]")),
            following=values.get(_NEXT, ""),
            rotated=(secret["metadata"].get("annotations") or {}).get(_ROTATED, ""),
        )

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    @property
    def readable(self) -> list[str]:
        """All but SECRET_KEY with which something may be signed."""
        return [*([self.following] if self.following else []), *self.fallbacks]

    def rotate(self, wanted: str) -> "Keys":
        """The first step, if ``wanted`` says what was not followed yet."""
        if not wanted or wanted == self.rotated or self.following:
            return self
        return replace(self, following=secrets.token_urlsafe(36), rotated=wanted)

    def promote(self) -> "Keys":
        """The second step."""
        if not self.following:
            return self
        return replace(
            self,
            values={**self.values, "SECRET_KEY": self.following},
            fallbacks=(self["SECRET_KEY"], *self.fallbacks)[:_MOST_FALLBACKS],
            following="",
        )

    def fill(self, secret: Manifest) -> Manifest:
        """``secret`` with all that is here."""
        texts = {**self.values, _FALLBACKS: json.dumps(self.fallbacks), _NEXT: self.following}
        annotations = {**(secret["metadata"].get("annotations") or {}), _ROTATED: self.rotated}
        return {
            **secret,
            "metadata": {**secret["metadata"], "annotations": annotations},
            "type": "Opaque",
            "data": {
                name: base64.b64encode(text.encode()).decode() for name, text in texts.items()
            },
        }
