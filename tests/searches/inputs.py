"""Texts of each kind, made at random, and what a page does with them.

Run as ``python -m tests.searches.inputs KIND SEED SECONDS``: tells the most expensive text as JSON.
"""

import json
import os
import random
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

LENGTH = 256 * 1024
_STATUS, _CLEAR_REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")  # see proc(5)
_MARKDOWN = (
    *("[", "]", "(", ")", "*", "**", "_", "`", "``", "<", ">", "!", "![", "](", "a", "b "),
    *("\n", "\n\n", "- ", "* ", "1. ", "> ", "# ", "    ", "  ", "|", "|-", "|-|-|\n", "a|b\n"),
    *("&amp;", "&", "\\", "~~", "~", '"', "'", "http://a", "<http://a>", "[a]", "[a]: b\n"),
    *("\n[x]: <", ">\n", "```", "===\n", "---\n", "<!--", "<b>", "\t", "\0", "é", "😀", "  \n"),
)
_YAML = (
    *(" ", "\n", "- ", "&a", "*a", "a:", "a: ", ": ", "'", '"', '"\\', "#", " #", "|\n", ">\n"),
    *(
        "{",
        "[",
        "}",
        "]",
        "!",
        "!<",
        "%",
        "a ",
        "\t",
        "? ",
        "---\n",
        "1",
        "1e",
        "\\",
        "é",
        "😀",
        ",",
    ),
)
_JSON = ("{", "}", "[", "]", ",", ":", '"', '"a"', "1", "1e9", "true", "null", " ", "\n", "\\", "/")
_HISTORY = (
    "/bin/sh -c ",
    "#(nop) ",
    "# buildkit",
    " ",
    "RUN ",
    "|1 ",
    "a",
    "\n",
    "\t",
    "A=b ",
    "😀",
)
_LINES = ("a\n", "b\n", "\n", "a", "c\nd\n", "x" * 500, "\r", "\x85")


def _text(random_: random.Random, pieces: Sequence[str], length: int = LENGTH) -> str:
    def some(most: int) -> str:
        return "".join(random_.choice(pieces) for _ in range(random_.randint(1, most)))

    def repeated(size: int) -> str:
        piece = some(4)
        return piece * (size // len(piece))

    match random_.randrange(5):
        case 0:
            return repeated(length)
        case 1:
            return some(3) + repeated(length)
        case 2:
            return repeated(length // 2) + repeated(length // 2)
        case 3:
            return repeated(random_.choice((10, 1000, 30_000))) + some(5) + repeated(length)
    return "".join(random_.choices(pieces, k=length // 4))


def _markdown(random_: random.Random) -> str:
    text = _text(random_, _MARKDOWN)
    columns = random_.choice((0, 0, 2, 100, 1000))
    if not columns:
        return text
    table = "a|" * columns + "\n" + "-|" * columns + "\n" + "a|\n" * random_.choice((1, 50, 3000))
    return table * random_.choice((1, 36)) + "\n" + text


def _json_text(random_: random.Random) -> str:
    part = random_.choice(
        ('{"a":0},', "{},", "[],", "[[]],", '"",', "1,", '"😀",', "1.5,", "null,")
    )
    inner = part * (random_.choice((LENGTH, 4 * 1024**2)) // len(part.encode()))
    key = random_.choice(("history", "predicate", "packages", "components", "manifests", "a"))
    whole = f'{{"predicateType":"x","spdxVersion":"SPDX-2.3","{key}":[{inner}0]}}'
    return random_.choice((whole, _text(random_, _JSON)))


def _index(random_: random.Random) -> str:
    platform = random_.choice(({"os": "linux"}, {}, {"os": "o" * 80, "variant": "v"}))
    count = random_.choice((100, 5000, 14_000))
    children = [
        {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": f"sha256:{number if random_.random() < 0.9 else 0:064x}",
            "size": 1,
            "platform": platform,
        }
        for number in range(count)
    ]
    return json.dumps({"schemaVersion": 2, "manifests": children})


def _names(random_: random.Random) -> str:
    """What the names of a layer are made of: how many, how long, and with which characters."""
    return json.dumps(
        [
            random_.choice((10, 2000, 20_000)),
            random_.choice((1, 90, 1000, 4000, 5000)),
            random_.choice(("a", "😀a", "./", "é", "a/")),
            random_.choice(("path", "linkpath")),
        ]
    )


def _two(random_: random.Random) -> str:
    return _text(random_, _LINES, 400_000) + "\f" + _text(random_, _LINES, 400_000)


def _show_markdown(text: str) -> object:
    from ui.display.prose import first_words, prose

    return prose(text), first_words(text, most=200)


def _show_source(language: str) -> Callable[[str], object]:
    def show(text: str) -> object:
        from ui.display.code import source

        return source(text, language)

    return show


def _read_yaml(text: str) -> object:
    from artifacts.charts.archive import ChartUnreadable
    from artifacts.charts.yaml_values import parse_yaml

    with suppress(ChartUnreadable):
        return parse_yaml(text)
    return None


def _read_json(text: str) -> object:
    from artifacts.documents.documents import read_document
    from artifacts.documents.opening import NotShown
    from ui.display.code import json_source

    with suppress(NotShown):
        read_document(text.encode())
    return json_source(text.encode())


def _read_config(text: str) -> object:
    from artifacts.images.config import ConfigUnreadable, ImageConfig, Settings, build_steps

    with suppress(ConfigUnreadable):
        config = ImageConfig.parse(text.encode())
        return Settings.of(config.document), build_steps(config.history, ())
    return None


def _read_step(text: str) -> object:
    from artifacts.images.config import instruction

    return instruction(text)


def _compare_index(text: str) -> object:
    from artifacts.oci.documents import ManifestDocument
    from artifacts.oci.media_types import OCI_INDEX
    from artifacts.oci.strict_json import MAX_SHOWN_VALUES, values_in
    from ui.comparison.tables import named_platforms
    from ui.contents.tag_rows import platforms_of

    body = text.encode()
    if values_in(body) > MAX_SHOWN_VALUES:
        return None
    return named_platforms(platforms_of(ManifestDocument.parse(body, OCI_INDEX)))


def _list_names(text: str) -> object:
    import tarfile
    import zlib

    from artifacts.images.files import list_files

    count, length, letters, key = json.loads(text)
    name = (letters * length)[:length]
    packer = zlib.compressobj(1, wbits=31)
    packed = []
    for number in range(count):
        member = tarfile.TarInfo(f"f{number}")
        member.type = tarfile.SYMTYPE
        member.pax_headers = {key: f"{name}{number}"}
        packed.append(packer.compress(member.tobuf(tarfile.PAX_FORMAT)))
    content = b"".join([*packed, packer.flush()])
    pieces = [content[start : start + 65536] for start in range(0, len(content), 65536)]
    begun = time.process_time()
    return list_files(pieces), begun


def _differ(text: str) -> object:
    from ui.comparison.lines import TooDifferent, differences

    old, _, new = text.partition("\f")
    with suppress(TooDifferent):
        return differences(old, new)
    return None


@dataclass(frozen=True)
class Kind:
    make: Callable[[random.Random], str]
    use: Callable[[str], object]


KINDS: Mapping[str, Kind] = {
    "Markdown": Kind(_markdown, _show_markdown),
    "YAML in colours": Kind(lambda r: _text(r, _YAML), _show_source("yaml")),
    "JSON in colours": Kind(lambda r: _text(r, _JSON), _show_source("json")),
    "YAML of a chart": Kind(lambda r: _text(r, _YAML), _read_yaml),
    "JSON documents": Kind(_json_text, _read_json),
    "image configs": Kind(_json_text, _read_config),
    "build steps": Kind(lambda r: _text(r, _HISTORY, 1024**2), _read_step),
    "children of an index": Kind(_index, _compare_index),
    "names in a layer": Kind(_names, _list_names),
    "two texts": Kind(_two, _differ),
}


def main(kind: str, seed: int, seconds: float) -> None:
    import django

    django.setup()
    chosen = KINDS[kind]
    random_ = random.Random(seed)
    before = _begin_peak()
    chosen.use(chosen.make(random_))  # what is loaded at the first use is no text's time
    end = time.monotonic() + seconds
    told: dict[str, object] = {"cpu": 0.0}
    tried, most = 0, 0.0
    while not tried or time.monotonic() < end:
        text = chosen.make(random_)
        begun = time.process_time()
        made = chosen.use(text)
        if kind == "names in a layer":  # the archive is made there too
            begun = made[1]  # type: ignore[index]
        cpu = time.process_time() - begun
        tried += 1
        if cpu > most:
            most = cpu
            told |= {"cpu": cpu, "begins": text[:80], "ends": text[-80:], "length": len(text)}
    print(json.dumps({**told, "memory": _peak() - before, "tried": tried, "seed": seed}))


def _begin_peak() -> int:
    """Let the peak begin anew, and tell it in bytes.

    A process has the peak that getrusage tells from whoever forked it, so that it only grows in one
    that becomes larger than that ever was.
    """
    _CLEAR_REFS.write_text("5")
    return _peak()


def _peak() -> int:
    """The most that this process has had since then, in bytes."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    assert found
    return int(found.group(1)) * 1024


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
