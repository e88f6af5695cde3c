"""A directory of people: what is said before the start."""

from pathlib import Path

import pytest

from config.keys.loading import ConfigurationError, load_configuration

GOOD = """
AUTHENTICATION_TYPE: LDAP
LDAP_BASE_DN: [dc=example, dc=com]
LDAP_ADMIN_DN: cn=reader,dc=example,dc=com
LDAP_ADMIN_PASSWD: secret
"""


@pytest.mark.parametrize("key", ["LDAP_BASE_DN", "LDAP_ADMIN_DN", "LDAP_ADMIN_PASSWD"])
def test_a_directory_needs_what_opens_it(tmp_path: Path, key: str) -> None:
    lines = [line for line in GOOD.splitlines() if not line.startswith(key)]
    (tmp_path / "config.yaml").write_text("\n".join(lines))

    with pytest.raises(ConfigurationError, match=f"AUTHENTICATION_TYPE needs {key} beside it"):
        load_configuration({"BERTH_DATA": str(tmp_path)})
