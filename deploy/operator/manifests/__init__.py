"""The objects of one registry, as plain manifests. The Helm chart makes the same of its values."""
