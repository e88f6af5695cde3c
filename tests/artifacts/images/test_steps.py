"""How an image was built, and what it runs."""

from typing import Any

import pytest

from artifacts.images.config import HistoryEntry, Settings, build_steps, instruction
from artifacts.oci.descriptors import Descriptor
from artifacts.oci.digest import Digest


@pytest.mark.parametrize(
    ("created_by", "said"),
    [
        ('/bin/sh -c #(nop)  CMD ["sh"]', 'CMD ["sh"]'),
        ("/bin/sh -c apk add curl", "RUN apk add curl"),
        ("RUN /bin/sh -c apk add curl # buildkit", "RUN apk add curl"),
        ("RUN |1 VERSION=3 /bin/sh -c make # buildkit", "RUN make"),
        ("COPY /a /b # buildkit", "COPY /a /b"),
        ("bazel build //:image", "bazel build //:image"),
        ("", ""),
    ],
)
def test_an_instruction_reads_as_in_a_containerfile(created_by: str, said: str) -> None:
    assert instruction(created_by) == said


def test_steps_are_joined_with_the_layers_they_made() -> None:
    history = [_entry("ADD x"), _entry("CMD y", is_empty=True), _entry("RUN z")]
    layers = [_layer(b"1"), _layer(b"2")]

    steps = build_steps(history, layers)

    assert [step.layer for step in steps] == [layers[0], None, layers[1]]


def test_a_history_of_other_layers_is_shown_without_them() -> None:
    steps = build_steps([_entry("ADD x"), _entry("RUN z")], [_layer(b"1")])

    assert [step.layer for step in steps] == [None, None]


def test_settings_are_read_where_they_have_the_right_type() -> None:
    settings = Settings.of(
        {
            "os": "linux",
            "architecture": "arm64",
            "variant": "v8",
            "config": {
                "Entrypoint": ["/tini", "--"],
                "Cmd": "sh",
                "Env": ["A=1=2", "B"],
                "ExposedPorts": {"80/tcp": {}, "443/tcp": {}},
                "Healthcheck": {"Test": ["CMD", "true"]},
            },
        }
    )

    assert settings.platform == "linux/arm64/v8"
    assert settings.entrypoint == '["/tini", "--"]'
    assert settings.command == "sh"
    assert settings.environment == [("A", "1=2"), ("B", "")]
    assert settings.ports == ["443/tcp", "80/tcp"]
    assert settings.health_check == '["CMD", "true"]'


@pytest.mark.parametrize("wrong", [None, 1, "x", [], [1, {}], {"a": []}, True])
def test_settings_of_wrong_types_are_empty(wrong: Any) -> None:
    fields = ("Entrypoint", "Env", "ExposedPorts", "Volumes", "User", "WorkingDir", "Healthcheck")
    config = {"os": [wrong], "config": dict.fromkeys(fields, wrong)}

    settings = Settings.of(config)

    assert settings.platform == ""
    assert all(isinstance(name, str) for name, _ in settings.environment)


def _entry(created_by: str, *, is_empty: bool = False) -> HistoryEntry:
    return HistoryEntry("", created_by, "", "", is_empty)


def _layer(content: bytes) -> Descriptor:
    return Descriptor("application/x", Digest.of(content), len(content), "layers[0]")


@pytest.mark.parametrize(
    "text",
    [" ", "# buildkit ", "|1 ", "RUN ", "/bin/sh -c ", "\t#", "#(nop) "],
)
@pytest.mark.parametrize("around", ["{}", "a{}b", "|1 {}b", "/bin/sh -c {}# buildkit x"])
def test_an_instruction_of_a_mebibyte_is_read_in_one_pass(text: str, around: str) -> None:
    """Looking for the end at every space takes hours: each of them is the beginning of many."""
    created_by = around.format(text * (1024**2 // len(text)))

    assert len(instruction(created_by)) <= len(created_by)
