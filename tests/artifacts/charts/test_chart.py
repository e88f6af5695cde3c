"""Reading a chart: what is kept, and what a broken or hostile one is told."""

import gzip
import io
import json

import pytest

from artifacts.charts import archive as archives
from artifacts.charts import files as charts
from artifacts.charts.archive import ChartUnreadable
from artifacts.charts.chart import Chart, read_chart
from tests.artifacts.charts.archives import CHART_YAML, CONFIG, archive, file, link, packed
from tests.artifacts.charts.loaded import SUB

FULL = b"""
apiVersion: v2
name: etherpad
version: 0.0.4
appVersion: 1.10
kubeVersion: '>=1.25'
type: application
description: Write together
deprecated: true
home: https://example.com
icon: https://example.com/icon.png
keywords: [pad, 2024]
sources:
- https://example.com/source
maintainers:
- {name: Ann, email: ann@example.com}
annotations:
  category: Office
dependencies:
- name: postgresql
  version: 12.x
  repository: oci://registry.example.com/charts
  condition: postgresql.enabled
  tags: [database]
  import-values: [data, {child: a, parent: b}]
  alias: db
unknown: [1, 2]
"""


def read(files: dict[str, bytes], config: bytes = CONFIG) -> Chart:
    return read_chart(io.BytesIO(archive({"Chart.yaml": CHART_YAML, **files})), config)


def refusal(content: bytes, config: bytes = CONFIG) -> str:
    with pytest.raises(ChartUnreadable) as caught:
        read_chart(io.BytesIO(content), config)
    return str(caught.value)


def refusal_of(chart_yaml: bytes) -> str:
    reason = refusal(archive({"Chart.yaml": chart_yaml}))
    return reason.removeprefix("of its Chart.yaml: ")


def test_everything_that_helm_knows_of_a_chart_is_read_with_its_type() -> None:
    chart = read({"Chart.yaml": FULL})

    assert chart.metadata == {
        "apiVersion": "v2",
        "name": "etherpad",
        "version": "0.0.4",
        "appVersion": "1.1",  # a number, as Helm reads it
        "kubeVersion": ">=1.25",
        "type": "application",
        "description": "Write together",
        "deprecated": True,
        "home": "https://example.com",
        "icon": "https://example.com/icon.png",
        "keywords": ["pad", "2024"],
        "sources": ["https://example.com/source"],
        "maintainers": [{"name": "Ann", "email": "ann@example.com"}],
        "annotations": {"category": "Office"},
    }
    assert chart.dependencies == (
        {
            "name": "postgresql",
            "version": "12.x",
            "repository": "oci://registry.example.com/charts",
            "condition": "postgresql.enabled",
            "tags": ["database"],
            "import-values": ["data", {"child": "a", "parent": "b"}],
            "alias": "db",
        },
    )


def test_the_files_that_say_something_are_kept() -> None:
    chart = read(
        {
            "values.yaml": b"title: Welcome\n",
            "values.schema.json": b'{"type": "object"}',
            "README.md": "# Größe\n".encode(),
            "templates/b.yaml": b"b",
            "templates/tests/a.yaml": b"a",
            "charts/sub/Chart.yaml": SUB,
            "charts/sub/templates/c.yaml": b"c",
            "crds/d.yaml": b"d",
        }
    )

    assert (chart.name, chart.version) == ("etherpad", "0.0.4")
    assert chart.values == "title: Welcome\n"
    assert chart.schema == '{"type": "object"}'
    assert chart.readme == "# Größe\n"
    assert chart.templates == ("templates/b.yaml", "templates/tests/a.yaml")
    assert chart.problems == ()


def test_a_chart_of_the_first_kind_has_its_dependencies_in_a_file_of_their_own() -> None:
    requirements = b"dependencies:\n- {name: mysql, version: 1.0.0}\n"

    chart = read({"requirements.yaml": requirements})

    assert chart.dependencies == ({"name": "mysql", "version": "1.0.0"},)


def test_what_requirements_yaml_says_counts_more_than_chart_yaml() -> None:
    chart = read(
        {
            "Chart.yaml": CHART_YAML + b"dependencies: [{name: redis}]\n",
            "requirements.yaml": b"dependencies: [{name: mysql}]\n",
        }
    )

    assert chart.dependencies == ({"name": "mysql"},)


@pytest.mark.parametrize("path", ["Chart.lock", "requirements.lock"])
def test_a_lock_says_which_versions_were_chosen(path: str) -> None:
    lock = (
        b"dependencies: [{name: mysql, version: 1.0.7}]\ndigest: sha256:0\n"
        b"generated: 2026-01-02T03:04:05Z\n"
    )

    chart = read({path: lock})

    assert chart.locked == ({"name": "mysql", "version": "1.0.7"},)


def test_charts_packed_within_a_chart_are_named() -> None:
    chart = read(
        {
            "charts/mysql-1.0.7.tgz": archive({"Chart.yaml": SUB}, folder="sub"),
            "charts/mysql-1.0.7.tgz.prov": b"...",
            "charts/redis/Chart.yaml": SUB,
            "charts/redis/charts/deep/Chart.yaml": SUB,
            "charts/_off/Chart.yaml": b"...",
        }
    )

    assert chart.subcharts == ("mysql-1.0.7.tgz", "redis")
    assert chart.problems == ()


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (
            {"values.yaml": b"a: 1\nb: [\n"},
            "values.yaml is broken: it is not YAML: did not find expected node content in line 3.",
        ),
        ({"values.yaml": b"- a\n"}, "values.yaml is broken: it must be a mapping."),
        (
            {"Chart.lock": b"dependencies: 7\n"},
            "Chart.lock could not be read, because dependencies must be a list.",
        ),
        (
            {"charts/sub.tgz": b"junk"},
            "charts/sub.tgz is broken: its archive cannot be unpacked: its compression is broken.",
        ),
        (
            {"charts/s/Chart.yaml": SUB, "charts/s/charts/t/values.yaml": b""},
            "charts/s is broken: of its charts/t: it holds no Chart.yaml.",
        ),
    ],
    ids=lambda one: "" if isinstance(one, str) else next(iter(one)),
)
def test_what_helm_refuses_in_a_chart_is_told(files: dict[str, bytes], problem: str) -> None:
    chart = read({**files, "README.md": b"# Pad"})

    assert chart.problems == (
        "Helm refuses to load this chart, so the classic repository does not list it. It can be"
        " pulled from here as it is.",
        problem,
    )
    assert chart.readme == "# Pad"
    assert chart.values == files.get("values.yaml", b"").decode()


def test_charts_within_charts_are_looked_at_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "MAX_SUBCHARTS", 2)
    bomb = gzip.compress(b"\0" * (archives.MAX_UNPACKED_BYTES + 512))
    large = b"a: 1\n" + b"#" * charts.MAX_SUBCHART_BYTES
    deep = "/".join(["charts/a"] * (charts.MAX_SUBCHART_DEPTH + 1))

    assert read({"charts/bomb.tgz": bomb}).is_refused  # zeros are no chart
    for files in (
        {f"charts/{n}/values.yaml": b"[" for n in range(3)},
        {"charts/large.tgz": large},
        {f"{deep}/values.yaml": b"["},
    ):
        assert "Not looked into: 1 of the charts" in read(files).problems[-1]


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "readme.md",
        "Readme.md",
        "ReadMe.MD",
        "README.txt",
        "Readme.Txt",
        "README",
        "Readme",
    ],
)
def test_a_readme_is_found_in_every_spelling_that_helm_takes(name: str) -> None:
    chart = read({name: b"hello"})

    assert (chart.readme_name, chart.readme) == (name, "hello")


@pytest.mark.parametrize(
    "name", ["README.rst", "README.markdown", "docs/README.md", "README.md.gotmpl"]
)
def test_what_helm_takes_for_no_readme_is_none(name: str) -> None:
    chart = read({name: b"hello"})

    assert (chart.readme_name, chart.readme) == ("", "")


@pytest.mark.parametrize("names", [("readme.txt", "README.md"), ("README.md", "readme.txt")])
def test_of_several_readmes_the_first_in_the_archive_is_shown(names: tuple[str, str]) -> None:
    chart = read({name: name.encode() for name in names})

    assert (chart.readme_name, chart.readme) == (names[0], names[0])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_texts_are_read_in_every_unicode_encoding(encoding: str) -> None:
    files = {"README.md": b"# Pad", "values.yaml": b"a: 1\n"}

    chart = read({path: content.decode().encode(encoding) for path, content in files.items()})

    assert (chart.readme, chart.values) == ("# Pad", "a: 1\n")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_chart_yaml_is_read_in_the_encodings_that_helm_knows(encoding: str) -> None:
    chart = read({"Chart.yaml": CHART_YAML.decode().encode(encoding)})

    assert chart.name == "etherpad"


def test_a_byte_order_mark_is_no_part_of_a_text() -> None:
    chart = read({"Chart.yaml": b"\xef\xbb\xbf" + CHART_YAML, "values.yaml": b"\xef\xbb\xbfa: 1\n"})

    assert chart.name == "etherpad"
    assert chart.values == "a: 1\n"


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"README.md": b"caf\xe9"}, "README.md could not be read, because it is not UTF-8"),
        ({"values.yaml": b"a: \x00"}, "values.yaml could not be read, because it holds a NUL"),
        (
            {"values.schema.json": b" " * (charts.MAX_TEXT_BYTES + 1)},
            "values.schema.json could not be read, because it is larger than 512 KiB",
        ),
        ({"requirements.yaml": b"dependencies: 7"}, "requirements.yaml could not be read, because"),
        ({"requirements.yaml": b"[]"}, "because it must be a mapping"),
    ],
)
def test_a_part_that_cannot_be_read_leaves_the_rest_readable(
    files: dict[str, bytes], problem: str
) -> None:
    chart = read({**files, "templates/a.yaml": b"a"})

    assert problem in chart.problems[-1]
    assert chart.templates == ("templates/a.yaml",)
    assert (chart.values, chart.readme, chart.schema, chart.dependencies) == ("", "", "", ())


def test_a_readme_that_is_a_link_is_not_read() -> None:
    content = packed([file("pad/Chart.yaml", CHART_YAML), link("pad/README.md", "/etc/passwd")])

    chart = read_chart(io.BytesIO(content), CONFIG)

    assert chart.problems == ("README.md could not be read, because it is a link.",)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (b"{", "The config could not be read, because it is not JSON."),
        (b"[" * 100_000, "The config could not be read, because it is not JSON."),
        (b"\xff\xfe", "The config could not be read, because it is not JSON."),
        (b"[]", "The config could not be read, because it is no JSON object."),
        (b'{"name": "wiki"}', "The config says name wiki, and the archive etherpad."),
        (
            json.dumps({"name": "etherpad", "version": "\ud800"}).encode(),
            "The config says version \\ud800, and the archive 0.0.4.",
        ),
    ],
)
def test_a_config_that_says_something_else_is_told(config: bytes, problem: str) -> None:
    assert read({}, config).problems == (problem,)


def test_templates_past_the_limit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "MAX_TEMPLATES", 2)
    long = f"templates/{'x' * 600}"

    chart = read({f"templates/{n}": b"" for n in range(3)} | {long: b""})

    assert chart.templates == ("templates/0", "templates/1")
    assert chart.problems == ("2 more templates are not listed.",)


def test_an_archive_without_a_chart_is_unreadable() -> None:
    reason = "its archive holds no Chart.yaml in its top folder"
    assert refusal(packed([file("a/b/Chart.yaml", CHART_YAML)])) == reason
    assert refusal(packed([file("./a/Chart.yaml", CHART_YAML)])) == reason


def test_a_chart_with_two_descriptions_is_unreadable() -> None:
    content = packed([file("a/Chart.yaml", CHART_YAML), file("a/./Chart.yaml", CHART_YAML)])

    assert refusal(content) == "of its Chart.yaml: it stands in the archive twice"


def test_a_linked_description_is_unreadable() -> None:
    assert "it is a link" in refusal(packed([link("pad/Chart.yaml", "pad/other.yaml")]))


BOMB = b"a: &a [x, x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (to, to, b", ".join([b"*%c" % of] * 10))
    for of, to in zip(b"abcdefgh", b"bcdefghi", strict=True)
)
LONG_BOMB = (
    b"annotations:\n  a: &a "
    + b"x" * 10_000
    + b"\n"
    + b"".join(b"  k%d: *a\n" % n for n in range(100))
)
MERGE_BOMB = b"a: &a {x: 1}\n" + b"".join(
    b"%c: &%c {<<: [%s]}\n" % (to, to, b", ".join([b"*%c" % of] * 20))
    for of, to in zip(b"abcdefgh", b"bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("chart_yaml", "reason"),
    [
        (b"", "it must be a mapping"),
        (b"- a\n", "it must be a mapping"),
        (b"name: etherpad\n", "'' is no version of a chart, such as 1.2.3"),
        (b"version: 1.0.0\n", "'' is no name of a chart"),
        (b"name: ../x\nversion: 1.0.0\n", "'../x' is no name of a chart"),
        (b"name: etherpad\nversion: latest\n", "'latest' is no version of a chart"),
        (CHART_YAML + b"home: !!int a\n", "'a' is no int"),
        (CHART_YAML + b"home: !!binary a\n", "'a' is not base64"),
        (CHART_YAML + b"a: {b: [.inf]}\n", "a must be a finite number"),
        (b"%YAML 1.2\n---\n" + CHART_YAML, "it is written in another YAML than 1.1"),
        (CHART_YAML.decode().encode("utf-32"), "it is neither UTF-8 nor UTF-16"),
        (CHART_YAML.decode().encode("utf-16-be"), "it is neither UTF-8 nor UTF-16"),
        (CHART_YAML + b"keywords: pad\n", "keywords must be a list"),
        (CHART_YAML + b"maintainers: [Ann]\n", "maintainers[0] must be a mapping"),
        (CHART_YAML + b"annotations: {a: [b]}\n", "annotations.a must be text"),
        (CHART_YAML + b"deprecated: 'no'\n", "deprecated must be true or false"),
        (CHART_YAML + b'description: "\\ud800"\n', "it"),
        (CHART_YAML + b"? [a]\n: b\n", "one of its keys is not text"),
        (CHART_YAML + b"description: caf\xe9\n", "it is not UTF-8 at byte"),
        (CHART_YAML + b"a: [\n", "it is not YAML: "),
        (CHART_YAML + b"a: *missing\n", "it is not YAML: "),
        (CHART_YAML + b"a: &a [*a]\n", "it is not YAML: nothing is called 'a'"),
        (CHART_YAML + BOMB, "its values are too many, aliases counted in full"),
        (CHART_YAML + LONG_BOMB, "its text is too long, aliases counted in full"),
        (CHART_YAML + MERGE_BOMB, "its values are too many, aliases counted in full"),
        (CHART_YAML + b"a: " + b"[" * 50_000, "it is nested deeper than 30 levels"),
        (CHART_YAML + b"home: " + b"x" * 100_000, "it says more than 64 KiB"),
        (CHART_YAML + b"type: plugin\n", "its type is neither application nor library"),
        (CHART_YAML + b"maintainers: [null]\n", "maintainers[0] must be a mapping"),
        (CHART_YAML + b"dependencies: [{alias: a.b}]\n", "'a.b' is no alias of a dependency"),
        (
            CHART_YAML + b"dependencies: [{name: a}, {name: b, alias: a}]\n",
            "two of its dependencies have the same name or alias",
        ),
        (CHART_YAML + b"null: a\n", "one of its keys is null"),
        (CHART_YAML + b"18446744073709551615: a\n", "one of its keys is null, or a number past"),
        (CHART_YAML + b"<<: a\n", "it merges what is no mapping"),
        (b"#" * 300_000 + b"\n" + CHART_YAML, "it is larger than 256 KiB"),
    ],
)
def test_a_description_that_cannot_be_trusted_is_refused_with_a_reason(
    chart_yaml: bytes, reason: str
) -> None:
    assert refusal_of(chart_yaml).startswith(reason)


def test_no_tag_makes_an_object_of_anything() -> None:
    chart = read({"Chart.yaml": CHART_YAML + b"description: !!python/name:os.getcwd hello\n"})

    assert chart.metadata["description"] == "hello"


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        (b"1.0", "1"),
        (b"'1.0'", "1.0"),
        (b"2024-01-31", "2024-01-31"),
        (b"true", "true"),
        (b"12", "12"),
        (b"1.16.0", "1.16.0"),
    ],
)
def test_scalars_become_text_as_helm_makes_it(written: bytes, read_as: str) -> None:
    chart = read({"Chart.yaml": CHART_YAML + b"appVersion: " + written + b"\n"})

    assert chart.metadata["appVersion"] == read_as
