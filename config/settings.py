"""Django's settings. What an administrator may choose is in ``BERTH``."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF

from config.keys import content
from config.keys.configuration import Configuration
from config.keys.loading import load_configuration
from config.keys.login_services import origins as login_origins
from config.keys.login_services import provider_settings
from config.keys.paths import COLLECTED_DIR, FILES_DIR, berth_version
from config.keys.places import (
    blob_folder,
    database_settings,
    kept_in_data,
    storage_settings,
)

# Jobs write what they do; that a job came and went concerns only who looks for a fault.
_QUIET = ("celery", "kombu")

loaded = load_configuration(os.environ)
# Every key of config.yaml. Replaced as a whole when an administrator changes one.
BERTH: Configuration = loaded.configuration
DATA_DIR: Path = loaded.data
KEPT_IN_DATA = kept_in_data(BERTH)
HAS_DATA_DIR: bool = loaded.has_data
DOCUMENTS_DIR = FILES_DIR / "docs"
CHANGES_FILE = FILES_DIR / "CHANGELOG.md"
RUN_DIR: Path = DATA_DIR / "run"  # what processes of one supervisor tell each other
DRAINING_FILE = RUN_DIR / "draining"  # there: this Berth is about to end
VERSION = berth_version()
CONFIGURATION_WARNINGS = loaded.warnings

# --- What is made of the keys of config.yaml ----------------------------------------------------
ALLOWED_HOSTS = ["*"]  # the outermost middleware knows better
DISTRIBUTED_STORAGE_CONFIG: dict[str, list[Any]] = {
    name: storage_settings(driver, parameters, data=DATA_DIR)
    for name, (driver, parameters) in BERTH.DISTRIBUTED_STORAGE_CONFIG.items()
}
DISTRIBUTED_STORAGE_PREFERENCE: list[str] = BERTH.DISTRIBUTED_STORAGE_PREFERENCE
BLOB_STORE_ROOT: Path | None = blob_folder(
    *DISTRIBUTED_STORAGE_CONFIG[DISTRIBUTED_STORAGE_PREFERENCE[0]]
)
UPLOAD_PLACES: int = content.UPLOAD_PLACES
UPLOAD_THREADS: int = content.UPLOAD_THREADS
UPLOAD_THREADS_TO_OPEN: int = content.UPLOAD_THREADS_TO_OPEN

# --- Keys and cookies ---------------------------------------------------------------------------
SECRET_KEY_FILE = DATA_DIR / "secret_key"
# Empty before the first start: Django then refuses whatever needs the key.
SECRET_KEY: str = BERTH.SECRET_KEY or (
    SECRET_KEY_FILE.read_text() if SECRET_KEY_FILE.exists() else ""
)
SECRET_KEY_FALLBACKS: list[str] = BERTH.SECRET_KEY_FALLBACKS
SECRET_KEY_IS_MISSING = not SECRET_KEY
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BERTH.PREFERRED_URL_SCHEME == "https"
CSRF_TRUSTED_ORIGINS = (
    [f"{BERTH.PREFERRED_URL_SCHEME}://{BERTH.SERVER_HOSTNAME}"] if BERTH.SERVER_HOSTNAME else []
)
# Browsers keep it for the whole host, whatever the port: never for a name that others share.
SECURE_HSTS_SECONDS = (
    31_536_000
    if BERTH.PREFERRED_URL_SCHEME == "https"
    and BERTH.SERVER_HOSTNAME
    and BERTH.SERVER_HOSTNAME.partition(":")[0] != "localhost"
    else 0
)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "ui.errors.csrf_failure"
FILE_UPLOAD_HANDLERS = ["ui.forms.SmallFiles"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
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
# For who works on Berth: pages that show how it is made.
IS_DEVELOPMENT = os.environ.get("DEVELOPMENT") == "1"
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
    "registry.events",
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
    "registry.keeping",
    *(["registry.api.docker_v1"] if BERTH.FEATURE_DOCKER_V1 else []),
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
    "config.front_door.watch.RequestMark",
    "accounts.origin.ForwardedHeaders",
    "registry.api.origins.CrossOrigin",
    "config.read_only.ReadOnlyState",
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
    "ui.accounts.middleware.MailedCodes",
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
DATABASES = {"default": database_settings(BERTH, data=DATA_DIR)}
STATIC_URL = "static/"
STATIC_ROOT = COLLECTED_DIR if COLLECTED_DIR.is_dir() else DATA_DIR / "static"
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
    "add_webauthn": "ui.accounts.passkeys.PasskeyForm",
    "edit_webauthn": "ui.accounts.passkeys.PasskeyNameForm",
    "authenticate_webauthn": "ui.accounts.passkeys.PasskeyFactorForm",
    "reauthenticate_webauthn": "ui.accounts.passkeys.PasskeyAgainForm",
    "login_webauthn": "ui.accounts.passkeys.PasskeyLoginForm",
}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = [
    "username*",
    "email*" if BERTH.FEATURE_MAILING else "email",
    "password1*",
    "password2*",
]
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if BERTH.FEATURE_MAILING else "none"
# Codes, not links: what a request says of its host must not end up in a mail.
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = BERTH.FEATURE_MAILING
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
# What is done for an address that an account has is done for any other, and takes as long. Several
# accounts may name one address, but only one can verify it.
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_EMAIL_NOTIFICATIONS = BERTH.FEATURE_MAILING
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Berth: "
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True
# Passwords and codes are slowed down in the database, for all processes together.
ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": None}
SOCIALACCOUNT_EMAIL_REQUIRED = False
SOCIALACCOUNT_PROVIDERS = provider_settings(loaded.login_services)
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = not BERTH.FEATURE_MAILING
MFA_TOTP_ISSUER = f"Berth {BERTH.SERVER_HOSTNAME}".strip()
MFA_TOTP_TOLERANCE = 1

# --- Mail ---------------------------------------------------------------------------------------
# Requests only post mail; a job sends it.
EMAIL_BACKEND = (
    "accounts.mail.services.Outbox"
    if BERTH.FEATURE_MAILING
    else "django.core.mail.backends.dummy.EmailBackend"
)
MAIL_DELIVERY_BACKEND = "accounts.mail.delivery.Delivery"
EMAIL_HOST: str = BERTH.MAIL_SERVER
EMAIL_PORT: int = BERTH.MAIL_PORT
EMAIL_USE_SSL: bool = BERTH.MAIL_USE_TLS and EMAIL_PORT == 465
EMAIL_USE_TLS: bool = BERTH.MAIL_USE_TLS and not EMAIL_USE_SSL
EMAIL_HOST_USER: str = BERTH.MAIL_USERNAME
EMAIL_HOST_PASSWORD: str = BERTH.MAIL_PASSWORD
EMAIL_TIMEOUT = 10  # seconds, to connect; the whole has an end in accounts/mail/delivery.py
DEFAULT_FROM_EMAIL: str = BERTH.MAIL_DEFAULT_SENDER or (
    f"berth@{urlsplit(f'//{BERTH.SERVER_HOSTNAME}').hostname or 'localhost'}"
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
    "formatters": {
        "plain": {"()": "config.logs.Lines"},
        "json": {"()": "config.logs.JsonLines"},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": BERTH.LOG_FORMAT},
        # For the status page: administrators need no shell to see the latest errors.
        "memory": {"class": "registry.statistics.errors.ErrorMemory", "level": "ERROR"},
    },
    "root": {"handlers": ["stderr", "memory"], "level": BERTH.LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": BERTH.LOG_LEVEL, "propagate": True},
        # Registry clients ask for what may not exist; each 404 would be a warning.
        "django.request": {"level": "ERROR"},
        # What anybody may send is told to who sent it, and is no failure for administrators.
        "django.security": {"level": "CRITICAL"},
        "django.security.csrf": {"level": BERTH.LOG_LEVEL},
        "berth.access": {"level": "INFO"},  # as a key of its own says
        **{
            name: {"level": "DEBUG" if BERTH.LOG_LEVEL == "DEBUG" else "WARNING"} for name in _QUIET
        },
    },
}
