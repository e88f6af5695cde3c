"""Asks PostgreSQL directly whether it can be reached: a pool would keep trying for a while."""

from django.conf import settings

_CONNECT_SECONDS = 5


def database_problem() -> str | None:
    """A sentence, when the database of ``DB_URI`` does not answer; else ``None``."""
    import psycopg

    try:
        psycopg.connect(settings.DB_URI, connect_timeout=_CONNECT_SECONDS).close()
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        return f"Cannot reach the database of DB_URI: {reason}"
    return None
