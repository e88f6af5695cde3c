"""What a test that commits left in the database is taken out again, and no more than that.

Django empties all tables, and then makes content types and permissions anew: a third of a second
of processor time after each such test, most of which need less themselves.
"""

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import TransactionTestCase

# Made with the tables, and the same for every test.
_KEPT = frozenset({ContentType._meta.db_table, Permission._meta.db_table})


def empty_tables(_test: TransactionTestCase) -> None:
    """Delete all rows but those that came with the tables."""
    tables = sorted(set(connection.introspection.django_table_names()) - _KEPT)
    name = connection.ops.quote_name
    used = " UNION ALL ".join(
        f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {name(table)})" for table in tables
    )
    # What refers to what is looked at when all is gone.
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(used)
        for (table,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {name(table)}")
