"""A text column that sorts byte by byte on every database."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    _TextField = models.CharField[str, str]
else:
    _TextField = models.CharField


class AsciiField(_TextField):
    """Text in the order of its bytes, as the spec lists tags and names.

    SQLite compares so by itself. PostgreSQL follows the database's locale,
    where ``a-b`` may stand before ``a`` and pages would lose rows between them.
    """

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        parameters = super().db_parameters(connection)
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters
