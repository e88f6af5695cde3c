"""Django's settings. What an administrator may choose comes from the configuration."""

import os
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF

from config.keys import content
from config.keys.loading import load_configuration
from config.keys.login_services import origins as login_origins
from config.keys.login_services import provider_settings
from config.keys.paths import FILES_DIR, berth_version
from config.keys.places import (
    blob_folder,
    database_settings,
    directory_settings,
    storage_settings,
)

# Jobs write what they do; that a job came and went concerns only who looks for a fault.
_QUIET = ("celery", "kombu")

loaded = load_configuration(os.environ)
configuration = loaded.configuration
DATA_DIR: Path = loaded.data
DOCUMENTS_DIR = FILES_DIR / "docs"
VERSION = berth_version()
CONFIGURATION_WARNINGS = loaded.warnings

# --- Keys of config.yaml ------------------------------------------------------------------------
SERVER_HOSTNAME: str = configuration.SERVER_HOSTNAME
PREFERRED_URL_SCHEME: str = configuration.PREFERRED_URL_SCHEME
SERVED_HOSTS: list[str] = configuration.ALLOWED_HOSTS
ALLOWED_HOSTS = ["*"]  # the outermost middleware knows better
CORS_ALLOWED_ORIGINS: list[str] = configuration.CORS_ALLOWED_ORIGINS
TRUSTED_PROXIES: list[IPv4Network | IPv6Network] = configuration.TRUSTED_PROXIES
TLS_CERTIFICATE: str = configuration.TLS_CERTIFICATE
TLS_KEY: str = configuration.TLS_KEY
DB_URI: str = configuration.DB_URI
BROKER_URL: str = configuration.BROKER_URL
DISTRIBUTED_STORAGE_CONFIG: dict[str, list[Any]] = {
    name: storage_settings(driver, parameters, data=DATA_DIR)
    for name, (driver, parameters) in configuration.DISTRIBUTED_STORAGE_CONFIG.items()
}
DISTRIBUTED_STORAGE_PREFERENCE: list[str] = configuration.DISTRIBUTED_STORAGE_PREFERENCE
BLOB_STORE_ROOT: Path | None = blob_folder(
    *DISTRIBUTED_STORAGE_CONFIG[DISTRIBUTED_STORAGE_PREFERENCE[0]]
)
FEATURE_PROXY_STORAGE: bool = configuration.FEATURE_PROXY_STORAGE
LIBRARY_NAMESPACE: str = configuration.LIBRARY_NAMESPACE
FEATURE_LIBRARY_SUPPORT: bool = configuration.FEATURE_LIBRARY_SUPPORT
CREATE_PRIVATE_REPO_ON_PUSH: bool = configuration.CREATE_PRIVATE_REPO_ON_PUSH
FEATURE_ANONYMOUS_ACCESS: bool = configuration.FEATURE_ANONYMOUS_ACCESS
FEATURE_USER_CREATION: bool | None = configuration.FEATURE_USER_CREATION
FEATURE_REQUIRE_TEAM_INVITE: bool = configuration.FEATURE_REQUIRE_TEAM_INVITE
FEATURE_DIRECT_LOGIN: bool = configuration.FEATURE_DIRECT_LOGIN
AUTHENTICATION_TYPE: str = configuration.AUTHENTICATION_TYPE
FEATURE_MAILING: bool = configuration.FEATURE_MAILING
FEATURE_PUBLIC_CATALOG: bool = configuration.FEATURE_PUBLIC_CATALOG
FEATURE_SUPERUSERS_FULL_ACCESS: bool = configuration.FEATURE_SUPERUSERS_FULL_ACCESS
FEATURE_GENERAL_OCI_SUPPORT: bool = configuration.FEATURE_GENERAL_OCI_SUPPORT
ALLOWED_OCI_ARTIFACT_TYPES: Any = configuration.ALLOWED_OCI_ARTIFACT_TYPES
FEATURE_HELM_OCI_SUPPORT: bool | None = configuration.FEATURE_HELM_OCI_SUPPORT
IGNORE_UNKNOWN_MEDIATYPES: bool = configuration.IGNORE_UNKNOWN_MEDIATYPES
FEATURE_REFERRERS_API: bool = configuration.FEATURE_REFERRERS_API
FEATURE_SCHEMA1_CONVERSION: bool = configuration.FEATURE_SCHEMA1_CONVERSION
FEATURE_RESTRICTED_V1_PUSH: bool = configuration.FEATURE_RESTRICTED_V1_PUSH
V1_PUSH_WHITELIST: list[str] = configuration.V1_PUSH_WHITELIST
MAXIMUM_LAYER_SIZE: str = configuration.MAXIMUM_LAYER_SIZE
MAXIMUM_LAYER_BYTES: int = configuration.maximum_layer_bytes
MAXIMUM_MANIFEST_SIZE: str = configuration.MAXIMUM_MANIFEST_SIZE
MAXIMUM_MANIFEST_BYTES: int = configuration.maximum_manifest_bytes
OCI_CHUNK_MIN_LENGTH: int = configuration.OCI_CHUNK_MIN_LENGTH
V2_PAGINATION_SIZE: int = configuration.V2_PAGINATION_SIZE
TOKEN_LIFETIME_SECONDS: int = configuration.TOKEN_LIFETIME_SECONDS
MAXIMUM_CONCURRENT_UPLOADS: int = configuration.MAXIMUM_CONCURRENT_UPLOADS
UPLOAD_PLACES: int = content.UPLOAD_PLACES
DOWNLOAD_PLACES: int = content.DOWNLOAD_PLACES
BLOBUPLOAD_DELETION_DATE_THRESHOLD: int = configuration.BLOBUPLOAD_DELETION_DATE_THRESHOLD
PUSH_TEMP_TAG_EXPIRATION_SEC: int = configuration.PUSH_TEMP_TAG_EXPIRATION_SEC
DEFAULT_TAG_EXPIRATION: str = configuration.DEFAULT_TAG_EXPIRATION
DELETED_REPOSITORY_EXPIRATION: str = configuration.DELETED_REPOSITORY_EXPIRATION
TAG_EXPIRATION_OPTIONS: list[str] = configuration.TAG_EXPIRATION_OPTIONS
FEATURE_CHANGE_TAG_EXPIRATION: bool = configuration.FEATURE_CHANGE_TAG_EXPIRATION
LABELED_EXPIRATION_MINIMUM: str = configuration.LABELED_EXPIRATION_MINIMUM
LABELED_EXPIRATION_MAXIMUM: str = configuration.LABELED_EXPIRATION_MAXIMUM
PERMANENTLY_DELETE_TAGS: bool = configuration.PERMANENTLY_DELETE_TAGS
FEATURE_PULL_SUPERSEDED: bool = configuration.FEATURE_PULL_SUPERSEDED
FEATURE_IMMUTABLE_TAGS: bool = configuration.FEATURE_IMMUTABLE_TAGS
FEATURE_IMMUTABLE_TAGS_CAN_EXPIRE: bool = configuration.FEATURE_IMMUTABLE_TAGS_CAN_EXPIRE
SIGNING_GRACE_SECONDS: int = configuration.SIGNING_GRACE_SECONDS
FEATURE_GARBAGE_COLLECTION: bool = configuration.FEATURE_GARBAGE_COLLECTION
GARBAGE_COLLECTION_FREQUENCY: int = configuration.GARBAGE_COLLECTION_FREQUENCY
FEATURE_AUTO_PRUNE: bool = configuration.FEATURE_AUTO_PRUNE
DEFAULT_NAMESPACE_AUTOPRUNE_POLICY: dict[str, Any] | None = (
    configuration.DEFAULT_NAMESPACE_AUTOPRUNE_POLICY
)
AUTO_PRUNING_POLL_PERIOD: int = configuration.AUTO_PRUNING_POLL_PERIOD
AUTOPRUNE_TASK_RUN_MINIMUM_INTERVAL_MINUTES: int = (
    configuration.AUTOPRUNE_TASK_RUN_MINIMUM_INTERVAL_MINUTES
)
AUTO_PRUNING_DEFAULT_POLICY_POLL_PERIOD: int = configuration.AUTO_PRUNING_DEFAULT_POLICY_POLL_PERIOD
LOG_LEVEL: str = configuration.LOG_LEVEL.value

# --- Keys and cookies ---------------------------------------------------------------------------
SECRET_KEY_FILE = DATA_DIR / "secret_key"
# Empty before the first start: Django then refuses whatever needs the key.
SECRET_KEY: str = configuration.SECRET_KEY or (
    SECRET_KEY_FILE.read_text() if SECRET_KEY_FILE.exists() else ""
)
SECRET_KEY_IS_MISSING = not SECRET_KEY
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PREFERRED_URL_SCHEME == "https"
CSRF_TRUSTED_ORIGINS = [f"{PREFERRED_URL_SCHEME}://{SERVER_HOSTNAME}"] if SERVER_HOSTNAME else []
# Browsers keep it for the whole host, whatever the port: never for a name that others share.
SECURE_HSTS_SECONDS = (
    31_536_000
    if PREFERRED_URL_SCHEME == "https"
    and SERVER_HOSTNAME
    and SERVER_HOSTNAME.partition(":")[0] != "localhost"
    else 0
)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "ui.errors.csrf_failure"
FILE_UPLOAD_HANDLERS = ["ui.uploads.SmallFiles"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # the icons of Bootstrap's form controls
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF, *login_origins(loaded.login_services)],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# --- Django -------------------------------------------------------------------------------------
DEBUG = False
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
INSTALLED_APPS = [
    "config",
    "config.administration.apps.AdministrationConfig",
    "artifacts.policy",
    "accounts.audit",
    "accounts.mail",
    "accounts.users",
    "accounts.organizations",
    "accounts.credentials",
    "registry.queue",
    "registry.storage",
    "registry.repositories",
    "registry.blobs",
    "registry.tags",
    "registry.manifests",
    "registry.charts",
    "registry.verification",
    "registry.inspection",
    "registry.retention",
    "registry.statistics",
    "registry.announcements",
    "registry.gc",
    *(["registry.api.docker_v1"] if configuration.FEATURE_DOCKER_V1 else []),
    "ui",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "bootstrap",
    "csp",
    "django_htmx",
    "config.administration.apps.BerthAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "accounts.origin.ForwardedHeaders",
    "registry.api.origins.CrossOrigin",
    "registry.api.lane.ProgramLane",
    "ui.accounts.middleware.SecureCookies",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ui.compression.PageCompression",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "ui.accounts.middleware.PasswordChangeFirst",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [FILES_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ui.context.frame",
            ]
        },
    }
]
DATABASES = {"default": database_settings(DB_URI, data=DATA_DIR)}
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [folder for folder in (FILES_DIR / "static",) if folder.is_dir()]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Who ----------------------------------------------------------------------------------------
AUTH_USER_MODEL = "users.User"
AUTHENTICATION_BACKENDS = ["accounts.credentials.backends.PasswordBackend"]
PASSWORD_HASHERS = [
    "accounts.users.passwords.Argon2Hasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# Limits on sign-ups and mails count for all processes together.
CACHES = {"default": {"BACKEND": "accounts.credentials.shared_cache.SharedCache"}}
ACCOUNT_ADAPTER = "ui.accounts.adapters.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "ui.accounts.adapters.ServiceAdapter"
MFA_ADAPTER = "ui.accounts.adapters.FactorAdapter"
USERSESSIONS_ADAPTER = "ui.accounts.adapters.SessionsAdapter"
ACCOUNT_FORMS = {
    "login": "ui.accounts.forms.SignInForm",
    "signup": "ui.accounts.forms.SignUpForm",
    "change_password": "ui.accounts.forms.PasswordForm",
    "reset_password": "ui.accounts.forms.ResetForm",
}
SOCIALACCOUNT_FORMS = {"signup": "ui.accounts.forms.ServiceSignUpForm"}
MFA_FORMS = {
    "authenticate": "ui.accounts.forms.FactorForm",
    "reauthenticate": "ui.accounts.forms.FactorAgainForm",
}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = [
    "username*",
    "email*" if FEATURE_MAILING else "email",
    "password1*",
    "password2*",
]
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if FEATURE_MAILING else "none"
# Codes, not links: what a request says of its host must not end up in a mail.
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = FEATURE_MAILING
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
# What is done for an address that an account has is done for any other, and takes as long. Several
# accounts may name one address, but only one can verify it.
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_EMAIL_NOTIFICATIONS = FEATURE_MAILING
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Berth: "
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True
# Passwords and codes are slowed down in the database, for all processes together.
ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": None}
SOCIALACCOUNT_EMAIL_REQUIRED = False
SOCIALACCOUNT_PROVIDERS = provider_settings(loaded.login_services)
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = not FEATURE_MAILING
MFA_TOTP_ISSUER = f"Berth {SERVER_HOSTNAME}".strip()
MFA_TOTP_TOLERANCE = 1

# --- A directory of people ----------------------------------------------------------------------
LDAP_EMAIL_ATTR: str = configuration.LDAP_EMAIL_ATTR
if AUTHENTICATION_TYPE == "LDAP":
    vars().update(directory_settings(configuration))

# --- Mail ---------------------------------------------------------------------------------------
# Requests only post mail; a job sends it.
EMAIL_BACKEND = (
    "accounts.mail.services.Outbox"
    if FEATURE_MAILING
    else "django.core.mail.backends.dummy.EmailBackend"
)
MAIL_DELIVERY_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST: str = configuration.MAIL_SERVER
EMAIL_PORT: int = configuration.MAIL_PORT
EMAIL_USE_SSL: bool = configuration.MAIL_USE_TLS and EMAIL_PORT == 465
EMAIL_USE_TLS: bool = configuration.MAIL_USE_TLS and not EMAIL_USE_SSL
EMAIL_HOST_USER: str = configuration.MAIL_USERNAME
EMAIL_HOST_PASSWORD: str = configuration.MAIL_PASSWORD
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL: str = configuration.MAIL_DEFAULT_SENDER or (
    f"berth@{urlsplit(f'//{SERVER_HOSTNAME}').hostname or 'localhost'}"
)

# --- The API ------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
}

# --- Logs ---------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "plain"},
        # For the status page: administrators need no shell to see the latest errors.
        "memory": {"class": "registry.statistics.errors.ErrorMemory", "level": "ERROR"},
    },
    "root": {"handlers": ["stderr", "memory"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        # Registry clients ask for what may not exist; each 404 would be a warning.
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        **{name: {"level": "DEBUG" if LOG_LEVEL == "DEBUG" else "WARNING"} for name in _QUIET},
    },
}
