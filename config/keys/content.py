"""Keys about what is pushed: what it may be, how large, and how long it stays."""

from typing import Annotated

from pydantic import Field

from config.keys.people import PeopleKeys
from config.keys.values import ArtifactTypes, Change, Lifetime, RetentionPolicy, Size, bytes_of

# Requests that one web process works on at once.
REQUEST_THREADS = 128
# Bodies that a thread stores as they come. The others are for requests that end at once.
UPLOAD_THREADS = REQUEST_THREADS - 8
UPLOAD_THREADS_TO_OPEN = UPLOAD_THREADS - 24  # few clients repeat a body, all repeat what opens it
# Bodies that are stored as they come, most of them by no thread of their own.
UPLOAD_PLACES = 2048


class ContentKeys(PeopleKeys):
    """In the order in which administrators read them: after those about people."""

    FEATURE_GENERAL_OCI_SUPPORT: Annotated[bool, Change.WRITTEN_LATER] = Field(
        True,
        description="Whether OCI manifests and indexes may be pushed. Docker's always may.",
        examples=[False],
    )
    ALLOWED_OCI_ARTIFACT_TYPES: Annotated[ArtifactTypes, Change.WRITTEN_LATER] = Field(
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
    IGNORE_UNKNOWN_MEDIATYPES: Annotated[bool, Change.WRITTEN_LATER] = Field(
        False,
        description="Whether `ALLOWED_OCI_ARTIFACT_TYPES` counts for nothing.",
        examples=[True],
    )
    FEATURE_REFERRERS_API: Annotated[bool, Change.ASKED_EACH_TIME] = Field(
        True,
        description="Whether clients can ask what refers to a manifest. `false`: they keep lists"
        " under tags instead.",
        examples=[False],
    )
    FEATURE_DOCKER_V1: bool = Field(
        True,
        description="Whether Berth knows Docker's first manifests, which can be pushed and pulled"
        " then, and Docker's V1 API. See docs/older-docker.md.",
        examples=[False],
    )
    FEATURE_SCHEMA1_CONVERSION: Annotated[bool, Change.ASKED_EACH_TIME] = Field(
        True,
        description="Whether images are converted for clients that know only Docker's first"
        " manifests or its first API.",
        examples=[False],
    )
    FEATURE_RESTRICTED_V1_PUSH: Annotated[bool, Change.ASKED_EACH_TIME] = Field(
        True,
        description="Whether only the namespaces in `V1_PUSH_WHITELIST` take pushes by Docker's"
        " V1 API.",
        examples=[False],
    )
    V1_PUSH_WHITELIST: Annotated[list[str], Change.ASKED_EACH_TIME] = Field(
        [],
        description="Users and organizations that take pushes by Docker's V1 API.",
        examples=[["acme"]],
    )
    MAXIMUM_LAYER_SIZE: Size = Field(
        "20G", description="Largest blob, in mebibytes (M) or gibibytes (G).", examples=["100G"]
    )
    MAXIMUM_MANIFEST_SIZE: Annotated[Size, Change.WRITTEN_LATER] = Field(
        "4M", description="Largest manifest, in mebibytes (M) or gibibytes (G).", examples=["8M"]
    )
    OCI_CHUNK_MIN_LENGTH: int = Field(
        0,
        ge=0,
        description="Smallest chunk, in bytes, that clients are asked to send. 0: not asked.",
        examples=[5242880],
    )
    V2_PAGINATION_SIZE: Annotated[int, Change.ASKED_EACH_TIME] = Field(
        1000,
        ge=1,
        le=10000,
        description="Most entries on one page of tags, repositories or referrers.",
        examples=[100],
    )
    TOKEN_LIFETIME_SECONDS: Annotated[int, Change.ISSUED_LATER] = Field(
        900,
        ge=60,
        le=86400,
        description="How long a bearer token from `/v2/auth` is valid.",
        examples=[300],
    )
    MAXIMUM_CONCURRENT_UPLOADS: Annotated[int, Change.ASKED_EACH_TIME] = Field(
        1024,
        ge=1,
        le=UPLOAD_PLACES,
        description="Uploads that one web process takes at once; more are asked to retry."
        f" At most {UPLOAD_PLACES}: each takes an open connection and two files, and up to 2 MiB of"
        " memory, less the more there are. Those into S3, or with a password in place of a token,"
        f" hold a thread: of them it takes {UPLOAD_THREADS_TO_OPEN}.",
        examples=[64],
    )
    MAXIMUM_CONCURRENT_DOWNLOADS: Annotated[int, Change.ASKED_EACH_TIME] = Field(
        2048,
        ge=1,
        le=65536,
        description="Blobs and large answers that one web process sends at once; more are asked to"
        " retry. Each takes an open connection and file, and up to 400 KiB of memory.",
        examples=[512],
    )
    MAXIMUM_WAITING_REQUESTS: Annotated[int, Change.ASKED_EACH_TIME] = Field(
        4096,
        ge=1,
        le=65536,
        description="Requests of one web process whose small body is still on its way, and as many"
        " that wait for a thread or are worked on; more are asked to retry.",
        examples=[512],
    )
    SHARE_PER_CLIENT: Annotated[int, Change.ASKED_EACH_TIME] = Field(
        75,
        ge=1,
        le=100,
        description="Percent of the uploads, downloads and waiting requests of one web process that"
        " one account may hold, and all accounts at one address (IPv6: one /64 network), which may"
        " also keep so many percent of the connections.",
        examples=[50],
    )
    SHARE_PER_STRANGER: Annotated[int, Change.ASKED_EACH_TIME] = Field(
        40,
        ge=1,
        le=100,
        description="The same for all at one address who have not logged in; of connections, for an"
        " address from where nobody has in the last hour.",
        examples=[20],
    )
    MINIMUM_TRANSFER_RATE: Annotated[int, Change.ASKED_EACH_TIME] = Field(
        1024,
        ge=0,
        description="Bytes per second that an upload or download must make in each minute that is"
        " spent waiting for its client; slower ones end. 0: no such rule.",
        examples=[4096],
    )
    MAXIMUM_TRANSFER_SECONDS: Annotated[int, Change.ASKED_EACH_TIME] = Field(
        86400,
        ge=60,
        description="Seconds that may be spent waiting for the client of one request.",
        examples=[7200],
    )
    BLOBUPLOAD_DELETION_DATE_THRESHOLD: Annotated[int, Change.ASKED_EACH_TIME] = Field(
        2880,
        ge=1,
        description="Minutes without progress after which an unfinished upload is deleted.",
        examples=[1440],
    )
    PUSH_TEMP_TAG_EXPIRATION_SEC: Annotated[int, Change.ASKED_EACH_TIME] = Field(
        3600,
        ge=60,
        description="Seconds for which a pushed blob or manifest is kept although nothing needs"
        " it yet.",
        examples=[7200],
    )
    DEFAULT_TAG_EXPIRATION: Annotated[Lifetime, Change.ASKED_EACH_TIME] = Field(
        "2w",
        description="The time machine: how long deleted, moved and expired tags can be restored,"
        " where an organization says nothing else.",
        examples=["4w"],
    )
    DELETED_REPOSITORY_EXPIRATION: Annotated[Lifetime, Change.ASKED_EACH_TIME] = Field(
        "2w",
        description="How long a deleted repository can be undeleted. Its content takes room until"
        " then.",
        examples=["4w"],
    )
    TAG_EXPIRATION_OPTIONS: Annotated[list[Lifetime], Change.ASKED_EACH_TIME] = Field(
        ["0s", "1d", "1w", "2w", "4w"],
        description="Time machines that organizations may choose from.",
        examples=[["1d", "2w"]],
    )
    FEATURE_CHANGE_TAG_EXPIRATION: Annotated[bool, Change.ASKED_EACH_TIME] = Field(
        True,
        description="Whether an organization may choose its time machine.",
        examples=[False],
    )
    LABELED_EXPIRATION_MINIMUM: Annotated[Lifetime, Change.WRITTEN_LATER] = Field(
        "1h",
        description="Nearest moment, from now, at which a person may let a tag expire.",
        examples=["1m"],
    )
    LABELED_EXPIRATION_MAXIMUM: Annotated[Lifetime, Change.WRITTEN_LATER] = Field(
        "104w",
        description="Farthest moment, from now, at which a person may let a tag expire.",
        examples=["1y"],
    )
    PERMANENTLY_DELETE_TAGS: Annotated[bool, Change.ASKED_EACH_TIME] = Field(
        False,
        description="Whether tags can be deleted for good, past the time machine.",
        examples=[True],
    )
    FEATURE_PULL_SUPERSEDED: Annotated[bool, Change.ASKED_EACH_TIME] = Field(
        True,
        description="Whether what a tag left behind that moved on can be pulled by its digest as"
        " long as the time machine holds it. `false`: not at all, as in Quay.",
        examples=[False],
    )
    FEATURE_IMMUTABLE_TAGS: Annotated[bool, Change.ASKED_EACH_TIME] = Field(
        True,
        description="Whether tags can be immutable: neither moved nor deleted.",
        examples=[False],
    )
    FEATURE_IMMUTABLE_TAGS_CAN_EXPIRE: Annotated[bool, Change.ASKED_EACH_TIME] = Field(
        True,
        description="Whether immutable tags can expire.",
        examples=[False],
    )
    SIGNING_GRACE_SECONDS: Annotated[int, Change.ASKED_EACH_TIME] = Field(
        3600,
        ge=0,
        description="Where signatures are required: seconds after a push in which who may push can"
        " read what is not signed, to sign it. See docs/signatures.md.",
        examples=[86400],
    )
    FEATURE_GARBAGE_COLLECTION: Annotated[bool, Change.ASKED_EACH_TIME] = Field(
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
    FEATURE_AUTO_PRUNE: Annotated[bool, Change.ASKED_EACH_TIME] = Field(
        True,
        description="Whether the retention rules of organizations and repositories are applied.",
        examples=[False],
    )
    DEFAULT_NAMESPACE_AUTOPRUNE_POLICY: Annotated[RetentionPolicy, Change.ASKED_EACH_TIME] = Field(
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
    AUTOPRUNE_TASK_RUN_MINIMUM_INTERVAL_MINUTES: Annotated[int, Change.ASKED_EACH_TIME] = Field(
        60,
        ge=1,
        description="Minutes between two runs of retention in one repository.",
        examples=[1440],
    )
    AUTO_PRUNING_DEFAULT_POLICY_POLL_PERIOD: Annotated[int, Change.ASKED_EACH_TIME] = Field(
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
