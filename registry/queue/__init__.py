"""The embedded queue of background jobs: a kombu transport over the database."""
