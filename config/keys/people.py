"""Keys about people: who gets an account, who they are elsewhere, and what they may."""

from typing import Annotated, Literal

from pydantic import Field

from config.keys.service import ServiceKeys
from config.keys.values import Change


class PeopleKeys(ServiceKeys):
    """In the order in which administrators read them: after those of the service."""

    CREATE_PRIVATE_REPO_ON_PUSH: Annotated[bool, Change.WRITTEN_LATER] = Field(
        True,
        description="Whether a repository made by its first push is private.",
        examples=[False],
    )
    FEATURE_ANONYMOUS_ACCESS: Annotated[bool, Change.DECIDES_RIGHTS] = Field(
        True,
        description="Whether public repositories can be pulled without logging in.",
        examples=[False],
    )
    FEATURE_USER_CREATION: Annotated[bool | None, Change.ASKED_EACH_TIME] = Field(
        None,
        description="Whether people may create accounts for themselves. `true`: any visitor, in the"
        " browser. `false`: nobody. Not set: only who comes from a service of"
        " `<NAME>_LOGIN_CONFIG`.",
        examples=[True],
    )
    FEATURE_REQUIRE_TEAM_INVITE: Annotated[bool, Change.ASKED_EACH_TIME] = Field(
        True,
        description="Whether people are asked before they are in a team of an organization that"
        " they are not in yet. `false`: its administrators put them there.",
        examples=[False],
    )
    ROBOT_TOKENS_READABLE: Annotated[list[str], Change.ASKED_EACH_TIME] = Field(
        [],
        description="Organizations and people whose robots' tokens are kept, encrypted, so that who"
        " administers them can read them again by the management API, as some programs need. Tokens"
        " that are made from then on are; what was kept of a namespace that is taken out is erased"
        " within an hour.",
        examples=[["acme"]],
    )
    FEATURE_USER_INITIALIZE: bool = Field(
        False,
        description="Whether the first start makes no administrator, and the first account comes by"
        " `POST /api/v1/user/initialize` instead, from whoever is first: only where nobody else"
        " reaches the registry yet.",
        examples=[True],
    )
    FEATURE_DIRECT_LOGIN: bool = Field(
        True,
        description="Whether people sign in to the pages with a password of Berth. `false`: only"
        " through the services of `<NAME>_LOGIN_CONFIG`.",
        examples=[False],
    )
    AUTHENTICATION_TYPE: Literal["Database", "LDAP"] = Field(
        "Database",
        description="Where people's passwords are. `LDAP`: a directory has them; accounts with a"
        " password of Berth stay. See docs/accounts.md.",
        examples=["LDAP"],
    )
    LDAP_URI: str = Field(
        "ldap://localhost",
        pattern=r"^ldaps?://\S+$",
        description="Address of the directory.",
        examples=["ldaps://ldap.example.com"],
    )
    LDAP_BASE_DN: list[str] = Field(
        [],
        description="Root of the directory, part by part.",
        examples=[["dc=example", "dc=com"]],
    )
    LDAP_USER_RDN: list[str] = Field(
        [],
        description="Where people are below `LDAP_BASE_DN`, part by part.",
        examples=[["ou=People"]],
    )
    LDAP_ADMIN_DN: str = Field(
        "",
        description="Who looks people up in the directory.",
        examples=["cn=reader,dc=example,dc=com"],
    )
    LDAP_ADMIN_PASSWD: str = Field(
        "", description="The password of `LDAP_ADMIN_DN`.", examples=["a password"]
    )
    LDAP_UID_ATTR: str = Field(
        "uid",
        pattern=r"^[A-Za-z][A-Za-z0-9-]*$",
        description="Attribute that holds the user name.",
        examples=["sAMAccountName"],
    )
    LDAP_EMAIL_ATTR: str = Field(
        "mail",
        pattern=r"^[A-Za-z][A-Za-z0-9-]*$",
        description="Attribute that holds the e-mail address.",
        examples=["userPrincipalName"],
    )
    FEATURE_MAILING: bool = Field(
        False,
        description="Whether Berth sends mail: to reset passwords, and to verify the e-mail"
        " addresses of accounts.",
        examples=[True],
    )
    MAIL_SERVER: str = Field(
        "", description="Host of the mail server.", examples=["smtp.example.com"]
    )
    MAIL_PORT: int = Field(
        587, ge=1, le=65535, description="Port of the mail server.", examples=[25]
    )
    MAIL_USE_TLS: bool = Field(
        False,
        description="Whether the connection is encrypted, by STARTTLS; on port 465 from the"
        " beginning.",
        examples=[True],
    )
    MAIL_USERNAME: str = Field(
        "", description="Name at the mail server. Empty: without login.", examples=["berth"]
    )
    MAIL_PASSWORD: str = Field(
        "", description="Password at the mail server.", examples=["a password"]
    )
    MAIL_DEFAULT_SENDER: str = Field(
        "",
        description="Sender of mails. Empty: `berth@` and the host of `SERVER_HOSTNAME`.",
        examples=["registry@example.com"],
    )
    FEATURE_PUBLIC_CATALOG: Annotated[bool, Change.DECIDES_RIGHTS] = Field(
        False,
        description="Whether the catalog also lists public repositories, to everybody.",
        examples=[True],
    )
    FEATURE_SUPERUSERS_FULL_ACCESS: Annotated[bool, Change.DECIDES_RIGHTS] = Field(
        False,
        description="Whether superusers may read, write and administer every repository.",
        examples=[True],
    )
