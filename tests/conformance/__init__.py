"""The OCI distribution spec, sentence by sentence, over HTTP against the running server."""
