"""Keys about the service itself: how it is reached, and where it keeps what it has."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from config.keys.values import (
    BrokerUrl,
    Change,
    DatabaseUri,
    Origin,
    OutgoingPlace,
    StorageDriver,
)


class ServiceKeys(BaseModel):
    """One attribute per key, under the key's own name."""

    SERVER_HOSTNAME: str = Field(
        "",
        pattern=r"^[A-Za-z0-9.\-\[\]:]*$",
        description="Host and port as clients write them. Empty: the host each request names.",
        examples=["registry.example.com"],
    )
    PREFERRED_URL_SCHEME: Literal["http", "https"] = Field(
        "http",
        description="Scheme of the URLs that Berth gives out. `https` also makes cookies secure.",
        examples=["https"],
    )
    ALLOWED_HOSTS: list[str] = Field(
        [],
        description="Names that requests may ask for, beside `SERVER_HOSTNAME`; one that begins"
        " with a dot means all below it. IP addresses, names without a dot and those that nobody"
        " can register (`.localhost`, `.local`, `.internal`, `.svc`) always are. Empty and without"
        " `SERVER_HOSTNAME`: also what `TRUSTED_PROXIES` forward. `*`: every name.",
        examples=[["registry.example.com"]],
    )
    CORS_ALLOWED_ORIGINS: list[Origin] = Field(
        [],
        description="Other sites whose pages may use the API in a browser: registry UIs. `*` lets"
        " every page read what needs no login.",
        examples=[["https://ui.example.com"]],
    )
    TRUSTED_PROXIES: list[IPv4Network | IPv6Network] = Field(
        [],
        description="Networks of reverse proxies. Their `X-Forwarded-…` or `Forwarded` headers"
        " tell who calls.",
        examples=[["10.0.0.0/8"]],
    )
    OUTGOING_ALLOWED_NETWORKS: list[OutgoingPlace] = Field(
        [],
        description="Networks and names that Berth may send to although they are not public: where"
        " webhooks go, for example. One that begins with a dot means all names below it.",
        examples=[["10.20.0.0/16", "ci.example.internal"]],
    )
    OUTGOING_ALLOW_HTTP: bool = Field(
        True,
        description="Whether what carries a secret may go to addresses without encryption"
        " (`http://`).",
        examples=[False],
    )
    OUTGOING_PROXY: str = Field(
        "",
        pattern=r"^(http://[A-Za-z0-9.\-\[\]:]+/?)?$",
        description="Proxy through which Berth sends. It then has to see to it which addresses can"
        " be reached. Variables of the environment count for nothing.",
        examples=["http://proxy.example.com:3128"],
    )
    TLS_CERTIFICATE: str = Field(
        "",
        description="File with your own certificate chain (PEM), served instead of a local one.",
        examples=["/etc/berth/tls.crt"],
    )
    TLS_KEY: str = Field(
        "",
        description="File with the private key (PEM) of `TLS_CERTIFICATE`.",
        examples=["/etc/berth/tls.key"],
    )
    DRAIN_SECONDS: int = Field(
        0,
        ge=0,
        le=600,
        description="How long Berth goes on answering after SIGTERM, in seconds, while `/readyz`"
        " says 503: time for a load balancer to send its requests elsewhere.",
        examples=[10],
    )
    METRICS_TOKEN: str = Field(
        "",
        pattern=r"^(\S{16,256})?$",
        description="What Prometheus sends as a bearer token to read `/metrics`. Empty: only"
        " superusers may.",
        examples=["forty random characters"],
    )
    SECRET_KEY: str = Field(
        "",
        description="Key that signs sessions and encrypts signing keys. Empty: the file"
        " `secret_key` in the data folder, made at the first start.",
        examples=["fifty random characters"],
    )
    SECRET_KEY_FALLBACKS: list[str] = Field(
        [],
        description="Former values of `SECRET_KEY`, newest first: what was signed or encrypted with"
        " one of them is still read.",
        examples=[["the fifty characters of before"]],
    )
    DB_URI: DatabaseUri = Field(
        "sqlite:///db.sqlite3",
        description="The database. A relative SQLite path starts in the data folder.",
        examples=["postgresql://berth:secret@db.example.com:5432/berth"],
    )
    DB_POOL_SIZE: int = Field(
        40,
        ge=1,
        le=1000,
        description="Connections to PostgreSQL that each process keeps at most. Two web processes"
        " and the jobs stay below PostgreSQL's default of 100.",
        examples=[20],
    )
    DB_POOL_TIMEOUT: int = Field(
        3,
        ge=1,
        le=60,
        description="How long a request waits for a connection to PostgreSQL before it is asked to"
        " come again (503), in seconds.",
        examples=[5],
    )
    DB_SERVER_SIDE_CURSORS: bool = Field(
        True,
        description="Whether long lists are read through cursors of PostgreSQL. `false` behind a"
        " PgBouncer that pools transactions.",
        examples=[False],
    )
    BROKER_URL: BrokerUrl = Field(
        "django://",
        description="Queue of background jobs. `django://` keeps it in the database.",
        examples=["redis://redis.example.com:6379/0"],
    )
    JOB_THREADS: int = Field(
        2,
        ge=1,
        le=64,
        description="Background jobs that each worker does at once.",
        examples=[4],
    )
    DISTRIBUTED_STORAGE_CONFIG: dict[str, StorageDriver] = Field(
        {"default": ["LocalStorage", {"storage_path": "blobs"}]},
        description="Places where blobs are kept: name, driver, parameters. A relative"
        " `storage_path` starts in the data folder. For S3 see docs/storage.md.",
        examples=[{"default": ["LocalStorage", {"storage_path": "/srv/berth/blobs"}]}],
    )
    DISTRIBUTED_STORAGE_PREFERENCE: list[str] = Field(
        ["default"],
        min_length=1,
        description="Names from `DISTRIBUTED_STORAGE_CONFIG`. New blobs go to the first; what it"
        " lacks is read from the others, for as long as docs/storage.md moves them.",
        examples=[["default"]],
    )
    FEATURE_PROXY_STORAGE: bool = Field(
        False,
        description="Whether blobs in S3 reach clients through Berth. `false`: clients are sent to"
        " S3, which they must be able to reach.",
        examples=[True],
    )
    REGISTRY_STATE: Annotated[Literal["normal", "readonly"], Change.ASKED_EACH_TIME] = Field(
        "normal",
        description="`readonly`: pulls and logins go on, and whatever changes something is refused:"
        " pushes, deletions, forms of the pages, and the jobs that change content.",
        examples=["readonly"],
    )
    LIBRARY_NAMESPACE: str = Field(
        "library",
        pattern=r"^[a-z0-9]+(?:[._-][a-z0-9]+)*$",
        description="Namespace of repositories that are named without one.",
        examples=["library"],
    )
    FEATURE_LIBRARY_SUPPORT: bool = Field(
        True,
        description="Whether repositories may be named without a namespace.",
        examples=[False],
    )
