"""Keys about what is pushed: what it may be, how large, and how long it stays."""

from pydantic import Field

from config.keys.people import PeopleKeys
from config.keys.values import ArtifactTypes, Lifetime, RetentionPolicy, Size, bytes_of

# Requests that one web process works on at once. Uploads hold a thread each; others wait for
# their clients without one.
REQUEST_THREADS = 128
# Bodies that are stored as they come. The other threads are for requests that end at once.
UPLOAD_PLACES = REQUEST_THREADS - 8
# Blobs that leave at once. Each keeps about 1 MiB in memory when its client is slow.
DOWNLOAD_PLACES = 512


class ContentKeys(PeopleKeys):
    """In the order in which administrators read them: after those about people."""

    FEATURE_GENERAL_OCI_SUPPORT: bool = Field(
        True,
        description="Whether OCI manifests and indexes may be pushed. Docker's always may.",
        examples=[False],
    )
    ALLOWED_OCI_ARTIFACT_TYPES: ArtifactTypes = Field(
        None,
        description="Artifacts that may be pushed beside container images: config types, each with"
        " its layer types, or the list `builtin`. Not set: anything. See docs/policy.md.",
        examples=[{"application/vnd.example.config.v1+json": ["application/vnd.example.layer"]}],
    )
    FEATURE_HELM_OCI_SUPPORT: bool | None = Field(
        None,
        description="Deprecated. `true` adds Helm's types to `ALLOWED_OCI_ARTIFACT_TYPES`.",
        examples=[True],
    )
    IGNORE_UNKNOWN_MEDIATYPES: bool = Field(
        False,
        description="Whether `ALLOWED_OCI_ARTIFACT_TYPES` counts for nothing.",
        examples=[True],
    )
    FEATURE_REFERRERS_API: bool = Field(
        True,
        description="Whether clients can ask what refers to a manifest. `false`: they keep lists"
        " under tags instead.",
        examples=[False],
    )
    FEATURE_SCHEMA1_CONVERSION: bool = Field(
        True,
        description="Whether images are converted for clients that know only Docker's first"
        " manifests or its first API.",
        examples=[False],
    )
    FEATURE_RESTRICTED_V1_PUSH: bool = Field(
        True,
        description="Whether only the namespaces in `V1_PUSH_WHITELIST` take pushes by Docker's"
        " V1 API.",
        examples=[False],
    )
    V1_PUSH_WHITELIST: list[str] = Field(
        [],
        description="Users and organizations that take pushes by Docker's V1 API.",
        examples=[["acme"]],
    )
    MAXIMUM_LAYER_SIZE: Size = Field(
        "20G", description="Largest blob, in mebibytes (M) or gibibytes (G).", examples=["100G"]
    )
    MAXIMUM_MANIFEST_SIZE: Size = Field(
        "4M", description="Largest manifest, in mebibytes (M) or gibibytes (G).", examples=["8M"]
    )
    OCI_CHUNK_MIN_LENGTH: int = Field(
        0,
        ge=0,
        description="Smallest chunk, in bytes, that clients are asked to send. 0: not asked.",
        examples=[5242880],
    )
    V2_PAGINATION_SIZE: int = Field(
        1000,
        ge=1,
        le=10000,
        description="Most entries on one page of tags, repositories or referrers.",
        examples=[100],
    )
    TOKEN_LIFETIME_SECONDS: int = Field(
        900,
        ge=60,
        le=86400,
        description="How long a bearer token from `/v2/auth` is valid.",
        examples=[300],
    )
    MAXIMUM_CONCURRENT_UPLOADS: int = Field(
        96,
        ge=1,
        le=UPLOAD_PLACES,
        description="Uploads that one web process takes at once; more are asked to retry."
        f" At most {UPLOAD_PLACES}: each holds one of its {REQUEST_THREADS} threads.",
        examples=[64],
    )
    BLOBUPLOAD_DELETION_DATE_THRESHOLD: int = Field(
        2880,
        ge=1,
        description="Minutes without progress after which an unfinished upload is deleted.",
        examples=[1440],
    )
    PUSH_TEMP_TAG_EXPIRATION_SEC: int = Field(
        3600,
        ge=60,
        description="Seconds for which a pushed blob or manifest is kept although nothing needs"
        " it yet.",
        examples=[7200],
    )
    DEFAULT_TAG_EXPIRATION: Lifetime = Field(
        "2w",
        description="The time machine: how long deleted, moved and expired tags can be restored,"
        " where an organization says nothing else.",
        examples=["4w"],
    )
    DELETED_REPOSITORY_EXPIRATION: Lifetime = Field(
        "2w",
        description="How long a deleted repository can be undeleted. Its content takes room until"
        " then.",
        examples=["4w"],
    )
    TAG_EXPIRATION_OPTIONS: list[Lifetime] = Field(
        ["0s", "1d", "1w", "2w", "4w"],
        description="Time machines that organizations may choose from.",
        examples=[["1d", "2w"]],
    )
    FEATURE_CHANGE_TAG_EXPIRATION: bool = Field(
        True,
        description="Whether an organization may choose its time machine.",
        examples=[False],
    )
    LABELED_EXPIRATION_MINIMUM: Lifetime = Field(
        "1h",
        description="Nearest moment, from now, at which a person may let a tag expire.",
        examples=["1m"],
    )
    LABELED_EXPIRATION_MAXIMUM: Lifetime = Field(
        "104w",
        description="Farthest moment, from now, at which a person may let a tag expire.",
        examples=["1y"],
    )
    PERMANENTLY_DELETE_TAGS: bool = Field(
        False,
        description="Whether tags can be deleted for good, past the time machine.",
        examples=[True],
    )
    FEATURE_PULL_SUPERSEDED: bool = Field(
        True,
        description="Whether what a tag left behind that moved on can be pulled by its digest as"
        " long as the time machine holds it. `false`: not at all, as in Quay.",
        examples=[False],
    )
    FEATURE_IMMUTABLE_TAGS: bool = Field(
        True,
        description="Whether tags can be immutable: neither moved nor deleted.",
        examples=[False],
    )
    FEATURE_IMMUTABLE_TAGS_CAN_EXPIRE: bool = Field(
        True,
        description="Whether immutable tags can expire.",
        examples=[False],
    )
    SIGNING_GRACE_SECONDS: int = Field(
        3600,
        ge=0,
        description="Where signatures are required: seconds after a push in which who may push can"
        " read what is not signed, to sign it. See docs/signatures.md.",
        examples=[86400],
    )
    FEATURE_GARBAGE_COLLECTION: bool = Field(
        True,
        description="Whether Berth frees by itself, while it serves, what nobody needs any more.",
        examples=[False],
    )
    GARBAGE_COLLECTION_FREQUENCY: int = Field(
        300,
        ge=1,
        description="Seconds between two runs of garbage collection.",
        examples=[60],
    )
    FEATURE_AUTO_PRUNE: bool = Field(
        True,
        description="Whether the retention rules of organizations and repositories are applied.",
        examples=[False],
    )
    DEFAULT_NAMESPACE_AUTOPRUNE_POLICY: RetentionPolicy = Field(
        None,
        description="The retention rule where an organization and a repository have none:"
        " `number_of_tags`, `creation_date` or `last_pull`, and a value. See docs/retention.md.",
        examples=[{"method": "creation_date", "value": "90d"}],
    )
    AUTO_PRUNING_POLL_PERIOD: int = Field(
        30,
        ge=1,
        description="Seconds between two looks for repositories whose retention is due.",
        examples=[300],
    )
    AUTOPRUNE_TASK_RUN_MINIMUM_INTERVAL_MINUTES: int = Field(
        60,
        ge=1,
        description="Minutes between two runs of retention in one repository.",
        examples=[1440],
    )
    AUTO_PRUNING_DEFAULT_POLICY_POLL_PERIOD: int = Field(
        86400,
        ge=1,
        description="Seconds between two runs of retention where only"
        " `DEFAULT_NAMESPACE_AUTOPRUNE_POLICY` holds.",
        examples=[3600],
    )

    @property
    def maximum_layer_bytes(self) -> int:
        return bytes_of(self.MAXIMUM_LAYER_SIZE)

    @property
    def maximum_manifest_bytes(self) -> int:
        return bytes_of(self.MAXIMUM_MANIFEST_SIZE)
