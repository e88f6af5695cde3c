"""Makes the bucket that DISTRIBUTED_STORAGE_CONFIG names, unless it is there."""

import sys
import time
from pathlib import Path

import boto3
import yaml
from botocore.exceptions import ClientError, EndpointConnectionError

_SECRET = Path("/run/secrets/DISTRIBUTED_STORAGE_CONFIG")
_SECONDS = 60  # for the server to come up


def main() -> None:
    (_, parameters), *_ = yaml.safe_load(_SECRET.read_text()).values()
    store = boto3.client(
        "s3",
        endpoint_url=parameters["endpoint_url"],
        region_name=parameters["s3_region"],
        aws_access_key_id=parameters["s3_access_key"],
        aws_secret_access_key=parameters["s3_secret_key"],
    )
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        try:
            store.create_bucket(Bucket=parameters["s3_bucket"])
        except EndpointConnectionError:
            time.sleep(1)
            continue
        except ClientError as error:
            if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
                raise
        return
    sys.exit(f"No S3 server at {parameters['endpoint_url']}.")


if __name__ == "__main__":
    main()
