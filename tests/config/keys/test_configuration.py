"""The configuration: where values come from, and what is said about mistakes."""

from pathlib import Path

import pytest

from config.keys.loading import ConfigurationError, load_configuration


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def problems(file: Path, text: str, **environ: str) -> list[str]:
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_configuration({"BERTH_DATA": str(file.parent), **environ})
    return list(caught.value.problems)


MISTAKES = {
    "an unknown key": (
        "LOG_LEVEL: INFO\nFEATURE_PUBLIC_CATALOGUE: true\n",
        "line 2: unknown key FEATURE_PUBLIC_CATALOGUE. Did you mean FEATURE_PUBLIC_CATALOG?",
    ),
    "an unknown key like no other": (
        "COLOUR: blue\n",
        "line 1: unknown key COLOUR. See docs/configuration.md for all keys.",
    ),
    "a word for a switch": (
        "FEATURE_ANONYMOUS_ACCESS: sometimes\n",
        "line 1: FEATURE_ANONYMOUS_ACCESS: expected true or false, but found 'sometimes'.",
    ),
    "a word for a number": (
        "\n\nV2_PAGINATION_SIZE: many\n",
        "line 3: V2_PAGINATION_SIZE: expected a whole number, but found 'many'.",
    ),
    "too small a number": (
        "TOKEN_LIFETIME_SECONDS: 5\n",
        "line 1: TOKEN_LIFETIME_SECONDS: expected at least 60, but found 5.",
    ),
    "more uploads than places": (
        "MAXIMUM_CONCURRENT_UPLOADS: 2049\n",
        "line 1: MAXIMUM_CONCURRENT_UPLOADS: expected at most 2048, but found 2049.",
    ),
    "a number for text": (
        "LIBRARY_NAMESPACE: 12\n",
        "line 1: LIBRARY_NAMESPACE: expected text (in quotes, if it looks like a number),"
        " but found 12.",
    ),
    "one word for a list": (
        "ALLOWED_HOSTS: example.com\n",
        "line 1: ALLOWED_HOSTS: expected a list, but found 'example.com'.",
    ),
    "a wrong entry of a list": (
        "ALLOWED_HOSTS:\n  - example.com\n  - 7\n",
        "line 3: ALLOWED_HOSTS.1: expected text (in quotes, if it looks like a number),"
        " but found 7.",
    ),
    "a scheme that is none": (
        "PREFERRED_URL_SCHEME: ftp\n",
        "line 1: PREFERRED_URL_SCHEME: expected 'http' or 'https', but found 'ftp'.",
    ),
    "a size without its unit": (
        "MAXIMUM_LAYER_SIZE: '20'\n",
        "line 1: MAXIMUM_LAYER_SIZE: expected a whole number followed by M or G, such as 20G,"
        " but found '20'.",
    ),
    "a level that is none": (
        "LOG_LEVEL: loud\n",
        "line 1: LOG_LEVEL: expected 'DEBUG', 'INFO', 'WARNING' or 'ERROR', but found 'loud'.",
    ),
    "a storage driver that is none": (
        "DISTRIBUTED_STORAGE_CONFIG:\n  default: [FloppyStorage, {drive: a}]\n",
        "line 2: DISTRIBUTED_STORAGE_CONFIG.default: expected one of the drivers"
        " LocalStorage, S3Storage and RadosGWStorage and its parameters, as in"
        " [LocalStorage, {storage_path: FOLDER}], but found ['FloppyStorage', {'drive': 'a'}].",
    ),
    "a database that is none, without showing its password": (
        "DB_URI: oracle://scott:tiger@db\n",
        "line 1: DB_URI: expected sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME,"
        " but found a secret value.",
    ),
    "a certificate without its key": (
        "LOG_LEVEL: INFO\nTLS_CERTIFICATE: /etc/tls.crt\n",
        "line 2: TLS_CERTIFICATE needs TLS_KEY beside it.",
    ),
    "a preference for a storage that is not there": (
        "DISTRIBUTED_STORAGE_PREFERENCE: [fast]\n",
        "line 1: DISTRIBUTED_STORAGE_PREFERENCE names 'fast', which DISTRIBUTED_STORAGE_CONFIG"
        " does not have.",
    ),
    "manifests larger than layers": (
        "MAXIMUM_LAYER_SIZE: 1M\nMAXIMUM_MANIFEST_SIZE: 2M\n",
        "line 2: MAXIMUM_MANIFEST_SIZE is larger than MAXIMUM_LAYER_SIZE.",
    ),
    "artifact types without layers": (
        "ALLOWED_OCI_ARTIFACT_TYPES:\n  application/vnd.example:\n",
        "line 1: ALLOWED_OCI_ARTIFACT_TYPES need a list of layer types below"
        " application/vnd.example ([] for none), or the word builtin.",
    ),
    "a word for artifact types": (
        "ALLOWED_OCI_ARTIFACT_TYPES: strict\n",
        "line 1: ALLOWED_OCI_ARTIFACT_TYPES must be lines such as"
        " 'application/vnd.example.config.v1+json:', below each '- LAYER TYPE', or the word"
        " builtin.",
    ),
    "a key of artifact types with nothing below it": (
        "ALLOWED_OCI_ARTIFACT_TYPES:\n",
        "line 1: ALLOWED_OCI_ARTIFACT_TYPES must be lines such as"
        " 'application/vnd.example.config.v1+json:', below each '- LAYER TYPE', or the word"
        " builtin.",
    ),
    "an artifact type that is none": (
        "LOG_LEVEL: INFO\nALLOWED_OCI_ARTIFACT_TYPES:\n  application/vnd.example: [helm]\n",
        "line 2: ALLOWED_OCI_ARTIFACT_TYPES have 'helm', which is no media type such as"
        " application/json, or the word builtin.",
    ),
    "the same key twice": (
        "LOG_LEVEL: INFO\nLOG_LEVEL: DEBUG\n",
        "line 2: the key LOG_LEVEL is given twice.",
    ),
    "a file that is no mapping": (
        "FEATURE_PUBLIC_CATALOG = true\n",
        "line 1: expected lines of the form KEY: value.",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_file_line_key_and_what_was_expected(
    file: Path, mistake: str
) -> None:
    text, sentence = MISTAKES[mistake]

    assert problems(file, text) == [f"{file}, {sentence}"]


def test_broken_yaml_is_told_with_its_line(file: Path) -> None:
    (sentence,) = problems(file, "LOG_LEVEL: INFO\nALLOWED_HOSTS: [a, b\nSERVER_HOSTNAME: x\n")

    assert sentence.startswith(f"{file}, line 3: is not YAML: while parsing a flow sequence")


def test_bytes_that_are_no_text_are_told(file: Path) -> None:
    file.write_bytes(b"LOG_LEVEL: \xff\n")

    with pytest.raises(ConfigurationError, match="is not text in UTF-8"):
        load_configuration({"BERTH_DATA": str(file.parent)})


def test_all_mistakes_are_told_at_once(file: Path) -> None:
    assert len(problems(file, "COLOUR: blue\nLOG_LEVEL: loud\nV2_PAGINATION_SIZE: 0\n")) == 3


def test_a_mistake_in_the_environment_names_the_variable(file: Path) -> None:
    assert problems(file, "", BERTH_V2_PAGINATION_SIZE="many") == [
        "environment: BERTH_V2_PAGINATION_SIZE: expected a whole number, but found 'many'."
    ]


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.yaml: cannot be read: No such file"):
        load_configuration({"BERTH_CONFIG": str(tmp_path / "absent.yaml")})


def test_the_environment_counts_more_than_the_file_and_the_file_more_than_the_default(
    file: Path,
) -> None:
    file.write_text("V2_PAGINATION_SIZE: 10\nTOKEN_LIFETIME_SECONDS: 60\n")

    loaded = load_configuration({"BERTH_DATA": str(file.parent), "BERTH_V2_PAGINATION_SIZE": "20"})

    assert loaded.configuration.V2_PAGINATION_SIZE == 20
    assert loaded.origins["V2_PAGINATION_SIZE"] == "environment"
    assert loaded.configuration.TOKEN_LIFETIME_SECONDS == 60
    assert loaded.origins["TOKEN_LIFETIME_SECONDS"] == "file"
    assert loaded.configuration.LIBRARY_NAMESPACE == "library"
    assert loaded.origins["LIBRARY_NAMESPACE"] == "default"


def test_a_variable_is_written_as_in_the_file(tmp_path: Path) -> None:
    loaded = load_configuration(
        {
            "BERTH_DATA": str(tmp_path),
            "BERTH_ALLOWED_HOSTS": "[one.example, two.example]",
            "BERTH_FEATURE_PUBLIC_CATALOG": "true",
            "BERTH_SERVER_HOSTNAME": "1234",
        }
    )

    assert loaded.configuration.ALLOWED_HOSTS == ["one.example", "two.example"]
    assert loaded.configuration.FEATURE_PUBLIC_CATALOG is True
    assert loaded.configuration.SERVER_HOSTNAME == "1234"


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "uri").write_text("postgresql://berth:secret@db/berth\n")

    loaded = load_configuration(
        {"BERTH_DATA": str(tmp_path), "BERTH_DB_URI_FILE": str(tmp_path / "uri")}
    )

    assert loaded.configuration.DB_URI == "postgresql://berth:secret@db/berth"
    assert loaded.origins["DB_URI"] == "environment"


def test_a_variable_that_does_nothing_is_only_a_warning(tmp_path: Path) -> None:
    loaded = load_configuration({"BERTH_DATA": str(tmp_path), "BERTH_LOG_LEVELL": "INFO"})

    assert loaded.warnings == (
        "environment: BERTH_LOG_LEVELL does nothing. Did you mean BERTH_LOG_LEVEL?",
    )


# The artifact policy


DOCUMENTED_TYPES = """\
FEATURE_GENERAL_OCI_SUPPORT: true
ALLOWED_OCI_ARTIFACT_TYPES:
  application/vnd.oci.image.config.v1+json:
  - application/vnd.dev.cosign.simplesigning.v1+json
  application/vnd.cncf.helm.config.v1+json:
  - application/tar+gzip
  application/vnd.sylabs.sif.config.v1+json:
  - application/vnd.sylabs.sif.layer.v1+tar
"""
TYPES = {
    "application/vnd.oci.image.config.v1+json": [
        "application/vnd.dev.cosign.simplesigning.v1+json"
    ],
    "application/vnd.cncf.helm.config.v1+json": ["application/tar+gzip"],
    "application/vnd.sylabs.sif.config.v1+json": ["application/vnd.sylabs.sif.layer.v1+tar"],
}


def test_artifact_types_are_written_as_quay_s_documentation_does(file: Path) -> None:
    file.write_text(DOCUMENTED_TYPES)

    loaded = load_configuration({"BERTH_DATA": str(file.parent)})

    assert loaded.configuration.ALLOWED_OCI_ARTIFACT_TYPES == TYPES
    assert loaded.warnings == ()


@pytest.mark.parametrize(
    ("text", "value"), [("builtin", "builtin"), ("{}", {}), ("{a/b: [c/d]}", {"a/b": ["c/d"]})]
)
def test_artifact_types_may_come_from_the_environment(
    tmp_path: Path, text: str, value: object
) -> None:
    loaded = load_configuration(
        {"BERTH_DATA": str(tmp_path), "BERTH_ALLOWED_OCI_ARTIFACT_TYPES": text}
    )

    assert value == loaded.configuration.ALLOWED_OCI_ARTIFACT_TYPES


def test_artifact_types_are_not_set_by_default(tmp_path: Path) -> None:
    configuration = load_configuration({"BERTH_DATA": str(tmp_path)}).configuration

    assert configuration.ALLOWED_OCI_ARTIFACT_TYPES is None
    assert configuration.FEATURE_HELM_OCI_SUPPORT is None
    assert configuration.FEATURE_GENERAL_OCI_SUPPORT
    assert configuration.FEATURE_REFERRERS_API
    assert not configuration.IGNORE_UNKNOWN_MEDIATYPES


@pytest.mark.parametrize("value", ["true", "false"])
def test_the_deprecated_helm_key_works_and_warns(file: Path, value: str) -> None:
    file.write_text(f"LOG_LEVEL: INFO\nFEATURE_HELM_OCI_SUPPORT: {value}\n")

    loaded = load_configuration({"BERTH_DATA": str(file.parent)})

    assert str(loaded.configuration.FEATURE_HELM_OCI_SUPPORT).lower() == value
    (warning,) = loaded.warnings
    assert warning.startswith(f"{file}, line 2: FEATURE_HELM_OCI_SUPPORT is deprecated: it adds")


def test_a_deprecated_key_warns_in_the_environment_too(tmp_path: Path) -> None:
    loaded = load_configuration(
        {"BERTH_DATA": str(tmp_path), "BERTH_FEATURE_HELM_OCI_SUPPORT": "true"}
    )

    (warning,) = loaded.warnings
    assert warning.startswith("environment: BERTH_FEATURE_HELM_OCI_SUPPORT is deprecated: ")


def test_who_prints_the_configuration_prints_no_secret(tmp_path: Path) -> None:
    secrets = {
        "SECRET_KEY": "not-to-be-seen",
        "MAIL_PASSWORD": "not-to-be-seen",
        "DB_URI": "postgresql://berth:not-to-be-seen@db/berth",
    }
    environ = {f"BERTH_{key}": value for key, value in secrets.items()}

    loaded = load_configuration({"BERTH_DATA": str(tmp_path), **environ})

    assert "SERVER_HOSTNAME" in repr(loaded.configuration)
    assert "not-to-be-seen" not in repr(loaded.configuration)
