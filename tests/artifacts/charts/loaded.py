"""Charts with something odd beside their Chart.yaml, and whether Helm loads them.

``tests/clients/test_helm_answers.py`` asks it.
"""

from collections.abc import Mapping
from typing import Final

from tests.artifacts.charts.archives import CHART_YAML, archive

SUB: Final = b"apiVersion: v2\nname: sub\nversion: 1.0.0\n"
_BROKEN: Final = b"a: [\n"
_LOCKED: Final = (
    b'dependencies:\n- {name: mysql, version: 1.0.7}\ndigest: sha256:0\ngenerated: "2026-01-02T03:'
    b'04:05.123456789+01:00"\n'
)


def _sub(files: Mapping[str, bytes]) -> bytes:
    return archive(files, folder="sub")


LOADED: Final[Mapping[str, Mapping[str, bytes]]] = {
    "nothing beside it": {},
    "no values": {"values.yaml": b""},
    "values that are null": {"values.yaml": b"~\n"},
    "a value that stands twice": {"values.yaml": b"a: 1\na: 2\n"},
    "deep values": {"values.yaml": b"a: " + b"[" * 40 + b"]" * 40 + b"\n"},
    "many values": {"values.yaml": b"a:\n" + b"- 1\n" * 30_000},
    "long values": {"values.yaml": b"a: 1\n" + b"#" * 600_000 + b"\n"},
    "a schema that is no JSON": {"values.schema.json": b"{"},
    "a template that is none": {"templates/a.yaml": b"{{ broken"},
    "a README that is no text": {"README.md": b"caf\xe9\x00"},
    "a lock": {"Chart.lock": _LOCKED},
    "a lock of the first kind": {"requirements.lock": _LOCKED},
    "an empty lock": {"Chart.lock": b""},
    "a lock with a digest that is a number": {"Chart.lock": b"digest: 7\n"},
    "a lock with no dependency in a list": {"Chart.lock": b"dependencies: [~]\n"},
    "a lock of one twice": {"Chart.lock": b"dependencies: [{name: a}, {name: a}]\n"},
    "empty requirements": {"requirements.yaml": b""},
    "an archive within": {"charts/sub-1.0.0.tgz": _sub({"Chart.yaml": SUB})},
    "a folder within": {"charts/sub/Chart.yaml": SUB},
    "an odd name within": {"charts/sub/Chart.yaml": SUB.replace(b"sub", b"-s u b-")},
    "no archive that is looked at": {"charts/_x.tgz": b"junk", "charts/.x.tgz": b"junk"},
    "no folder that is looked at": {"charts/_x/Chart.yaml": _BROKEN},
    "a signature within": {"charts/x.tgz.prov": b"junk", "charts/sub.prov": b"junk"},
    "junk that is a file of a chart within": {"charts/s/Chart.yaml": SUB, "charts/s/x.tgz": b"x"},
}
REFUSED: Final[Mapping[str, Mapping[str, bytes]]] = {
    "values that are a list": {"values.yaml": b"- a\n"},
    "values that are a word": {"values.yaml": b"a\n"},
    "values that are no YAML": {"values.yaml": _BROKEN},
    "values with a tab": {"values.yaml": b"a:\n\tb: 1\n"},
    "values that are a template": {"values.yaml": b"a: {{ .Values.x }}\n"},
    "values in Latin-1": {"values.yaml": b"a: caf\xe9\n"},
    "values with NUL": {"values.yaml": b"a: \x00\n"},
    "values in UTF-32": {"values.yaml": "a: 1\n".encode("utf-32")},
    "values without end": {"values.yaml": b"a: .inf\n"},
    "values without a name": {"values.yaml": b"~: a\n"},
    "a lock that is no YAML": {"Chart.lock": _BROKEN},
    "a lock that is a list": {"Chart.lock": b"- a\n"},
    "a lock with a number of dependencies": {"Chart.lock": b"dependencies: 7\n"},
    "a lock with an odd dependency": {"Chart.lock": b"dependencies: [{name: [a]}]\n"},
    "a lock made yesterday": {"Chart.lock": b"generated: yesterday\n"},
    "a lock made on a day": {"Chart.lock": b"generated: 2024-01-02\n"},
    "a lock made on no day": {"Chart.lock": b"generated: 2024-02-30T00:00:00Z\n"},
    "a lock made at a number": {"Chart.lock": b"generated: 1\n"},
    "a lock with a list of digests": {"Chart.lock": b"digest: [a]\n"},
    "a second lock that is no YAML": {"Chart.lock": _LOCKED, "requirements.lock": _BROKEN},
    "requirements that are no YAML": {"requirements.yaml": _BROKEN},
    "requirements that are a list": {"requirements.yaml": b"- a\n"},
    "a number of requirements": {"requirements.yaml": b"dependencies: 7\n"},
    "no requirement in a list": {"requirements.yaml": b"dependencies: [~]\n"},
    "one requirement twice": {"requirements.yaml": b"dependencies: [{name: a}, {name: a}]\n"},
    "broken requirements of an old chart": {
        "Chart.yaml": CHART_YAML.replace(b"v2", b"v1"),
        "requirements.yaml": _BROKEN,
    },
    "an archive that is none": {"charts/sub-1.0.0.tgz": b"junk"},
    "an empty archive": {"charts/sub.tgz": b""},
    "an archive without a chart": {"charts/sub.tgz": _sub({"values.yaml": b""})},
    "an archive without a version": {"charts/sub.tgz": _sub({"Chart.yaml": b"name: sub\n"})},
    "an archive with broken values": {
        "charts/sub.tgz": _sub({"Chart.yaml": SUB, "values.yaml": _BROKEN})
    },
    "a folder that is called as an archive": {"charts/x.tgz/Chart.yaml": SUB},
    "a file within": {"charts/notes": b"junk"},
    "a folder without a chart": {"charts/sub/values.yaml": b"a: 1\n"},
    "a folder too deep": {"charts/a/b/Chart.yaml": SUB},
    "a folder with a broken chart": {"charts/sub/Chart.yaml": b"name: [\n"},
    "a folder with an odd version": {"charts/sub/Chart.yaml": b"name: sub\nversion: latest\n"},
    "a folder with an odd type": {"charts/sub/Chart.yaml": SUB + b"type: plugin\n"},
    "a folder without a name": {"charts/sub/Chart.yaml": b"version: 1.0.0\n"},
    "a folder with a path for a name": {"charts/s/Chart.yaml": b"name: a/b\nversion: 1.0.0\n"},
    "a folder with broken values": {"charts/s/Chart.yaml": SUB, "charts/s/values.yaml": _BROKEN},
    "a broken chart within one within": {
        "charts/s/Chart.yaml": SUB,
        "charts/s/charts/t/Chart.yaml": b"name: [\n",
    },
    "junk within one within": {"charts/s/Chart.yaml": SUB, "charts/s/charts/t.tgz": b"junk"},
}
