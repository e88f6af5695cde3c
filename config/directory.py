"""A directory of people (LDAP), in the words of django-auth-ldap."""

from typing import Any

from config.configuration import Configuration
from config.loading import ConfigurationError

_ANSWER_SECONDS = 5


def directory_settings(configuration: Configuration) -> dict[str, Any]:
    try:
        import ldap
        from django_auth_ldap.config import LDAPSearch
    except ImportError as error:
        raise ConfigurationError(
            "AUTHENTICATION_TYPE: LDAP needs the package django-auth-ldap, which is not installed."
            " Install it beside Berth; it needs a C compiler and the headers of OpenLDAP."
        ) from error
    place = ",".join([*configuration.LDAP_USER_RDN, *configuration.LDAP_BASE_DN])
    return {
        "AUTH_LDAP_SERVER_URI": configuration.LDAP_URI,
        "AUTH_LDAP_BIND_DN": configuration.LDAP_ADMIN_DN,
        "AUTH_LDAP_BIND_PASSWORD": configuration.LDAP_ADMIN_PASSWD,
        "AUTH_LDAP_USER_SEARCH": LDAPSearch(
            place, ldap.SCOPE_SUBTREE, f"({configuration.LDAP_UID_ATTR}=%(user)s)"
        ),
        "AUTH_LDAP_ALWAYS_UPDATE_USER": False,
        "AUTH_LDAP_CONNECTION_OPTIONS": {
            ldap.OPT_NETWORK_TIMEOUT: _ANSWER_SECONDS,
            ldap.OPT_TIMEOUT: _ANSWER_SECONDS,
            ldap.OPT_REFERRALS: 0,
        },
    }
