"""What a person reads when Berth is ready: where it is and what to try first."""

from config.processes import Options
from config.tls_files import CLIENT_FOLDER, ROOT_CERTIFICATE


def greeting(options: Options, *, is_tls: bool) -> str:
    scheme = "https" if is_tls else "http"
    host = options.address
    podman, helm = _flags(options, is_tls=is_tls)
    return f"""
Berth is ready: {scheme}://{host}

  Log in   podman login {podman} -u admin {host}
           helm registry login {helm} -u admin {host}

  Push     printf 'FROM scratch\\nCOPY README.md /\\n' | podman build -t {host}/admin/hello -f - .
           podman push {podman} {host}/admin/hello
           helm create hi && helm package hi
           helm push {helm} hi-0.1.0.tgz oci://{host}/admin

  Pull     podman pull {podman} {host}/admin/hello
           helm pull {helm} oci://{host}/admin/hi --version 0.1.0

  Data     {options.data}
  Stop     Ctrl-C
"""


def _flags(options: Options, *, is_tls: bool) -> tuple[str, str]:
    """What podman and helm must be told about this server's address."""
    if not is_tls:
        return "--tls-verify=false", "--plain-http"
    if not (root := options.data / ROOT_CERTIFICATE).exists():
        return "", ""
    return f"--cert-dir {options.data / CLIENT_FOLDER}", f"--ca-file {root}"
