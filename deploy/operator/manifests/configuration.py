"""config.yaml as all pods of a registry read it, in a Secret that is another for each change.

What runs keeps the one it began with, until all pods have the new one.
"""

import json
from typing import Any

import yaml

from deploy.operator.bundle import CERTIFICATE, CONFIG, PRIVATE_KEY
from deploy.operator.kinds import SECRET, Manifest
from deploy.operator.registry import Registry, encoded, fingerprint
from deploy.operator.specification import POSTGRES, REDIS, ROUTE, STORAGE

FOLDER = "/etc/berth"
STORAGE_KEY = "DISTRIBUTED_STORAGE_CONFIG"
METRICS_KEY = "METRICS_TOKEN"
BUCKET = "berth"
REGION = "us-east-1"  # what S3 servers take that have none


def configuration_secret(registry: Registry) -> Manifest:
    values = configuration(registry)
    files = {
        **registry.bundle.files,
        CONFIG: yaml.safe_dump(values, sort_keys=True, allow_unicode=True).encode(),
        STORAGE_KEY: json.dumps(values.get(STORAGE_KEY), default=str).encode(),
        METRICS_KEY: str(values[METRICS_KEY]).encode(),
    }
    data = encoded(files)
    name = f"config-{fingerprint(data)}"
    return registry.object(SECRET, name, "config", type="Opaque", data=data)


def configuration(registry: Registry) -> dict[str, Any]:
    keys, name = registry.keys, registry.name
    values: dict[str, Any] = {
        "SERVER_HOSTNAME": registry.hostname,
        "PREFERRED_URL_SCHEME": registry.scheme,
        METRICS_KEY: keys["METRICS_TOKEN"],
        "SECRET_KEY": keys["SECRET_KEY"],
    }
    if registry.serves_tls:
        # The router does not look into what it passes on: nobody is to be believed.
        values["TLS_CERTIFICATE"] = f"{FOLDER}/{CERTIFICATE}"
        values["TLS_KEY"] = f"{FOLDER}/{PRIVATE_KEY}"
    elif registry.managed[ROUTE] and registry.settings.trusted_proxies:
        values["TRUSTED_PROXIES"] = list(registry.settings.trusted_proxies)
    if registry.managed[POSTGRES]:
        password = keys["DATABASE_PASSWORD"]
        values["DB_URI"] = f"postgresql://berth:{password}@{name}-postgres:5432/berth"
    if registry.managed[REDIS]:
        values["BROKER_URL"] = f"redis://:{keys['REDIS_PASSWORD']}@{name}-redis:6379/0"
    if registry.managed[STORAGE]:
        values["FEATURE_PROXY_STORAGE"] = True  # clients do not reach the bucket
        values[STORAGE_KEY] = {"default": ["S3Storage", _bucket(registry)]}
        values["DISTRIBUTED_STORAGE_PREFERENCE"] = ["default"]
    values.update(registry.bundle.values)
    fallbacks = [*(values.get("SECRET_KEY_FALLBACKS") or []), *keys.readable]
    if values["SECRET_KEY"] != keys["SECRET_KEY"]:
        fallbacks.append(keys["SECRET_KEY"])
    return {**values, "SECRET_KEY_FALLBACKS": fallbacks}


def _bucket(registry: Registry) -> dict[str, str]:
    return {
        "s3_bucket": BUCKET,
        "s3_region": REGION,
        "s3_access_key": registry.keys["STORAGE_ACCESS_KEY"],
        "s3_secret_key": registry.keys["STORAGE_SECRET_KEY"],
        "endpoint_url": f"http://{registry.name}-s3:7070",
    }
