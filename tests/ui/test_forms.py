"""Files that are sent with forms."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.test import RequestFactory

from ui.forms import MAX_FILE_BYTES


@pytest.mark.parametrize("length", [0, 1, MAX_FILE_BYTES, MAX_FILE_BYTES + 1, 5_000_000])
def test_of_a_file_only_the_beginning_is_kept(length: int) -> None:
    content = bytes(number % 251 for number in range(length))
    file = SimpleUploadedFile("cosign.pub", content, content_type="text/plain")

    request = RequestFactory().post("/x", {"file": file, "name": "release"})

    sent = request.FILES["file"]
    assert isinstance(sent, UploadedFile)
    assert sent.read() == content[:MAX_FILE_BYTES]
    assert sent.size == min(length, MAX_FILE_BYTES)
    assert (sent.name, request.POST["name"]) == ("cosign.pub", "release")
