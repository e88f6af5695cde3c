"""What the protocol asks of uploads and downloads, once more with the blobs in S3."""

from uuid import uuid4

import pytest

from tests.conformance.client import Client
from tests.conformance.repository import Repository
from tests.conformance.test_broken_connections import *  # noqa: F403
from tests.conformance.test_push_chunked import (  # noqa: F401
    test_a_chunk_out_of_order_answers_416_and_changes_nothing,
    test_a_repeated_chunk_is_out_of_order,
    test_a_stream_without_length_or_range_is_appended,
    test_an_empty_patch_changes_nothing,
    test_chunks_in_order_make_the_blob,
    test_patches_without_a_range_continue_where_the_last_ended,
    test_the_status_leads_on_after_a_416,
)
from tests.conformance.test_upload_races import (  # noqa: F401
    test_a_cancel_racing_the_close_is_one_or_the_other,
    test_a_patch_racing_the_close_is_in_or_out,
    test_a_race_of_puts_with_different_content_never_mixes_them,
    test_of_racing_chunks_for_one_place_one_wins,
    test_of_racing_closes_after_a_patch_exactly_one_wins,
    test_one_blob_pushed_by_many_sessions_at_once,
)
from tests.live import RunningServer

pytestmark = pytest.mark.xdist_group("s3-registry")


@pytest.fixture
def repository(s3_registry: RunningServer) -> Repository:
    """An empty repository that nobody else uses."""
    client = Client(s3_registry.host, "admin", s3_registry.admin_password)
    return Repository(client, f"admin/{uuid4().hex}")
