"""What a person reads when Berth is ready: where it is and what to try first."""

from config.processes import Options
from config.tls_files import CLIENT_FOLDER, ROOT_CERTIFICATE
from ui.commands.address import Registry
from ui.commands.login import log_in_as
from ui.commands.push import push_chart, push_image


def greeting(options: Options, *, is_tls: bool) -> str:
    scheme = "https" if is_tls else "http"
    registry = Registry(f"{scheme}://{options.address}", _certificates(options) if is_tls else {})
    host = registry.host
    return f"""
Berth is ready: {registry.url}

  Log in   {log_in_as("podman", registry, "admin")}
           {log_in_as("helm", registry, "admin")}

  Push     printf 'FROM scratch\\nCOPY README.md /\\n' | podman build -t {host}/admin/hello -f - .
           {push_image(registry, "admin/hello")}
           helm create hi && helm package hi
           {push_chart(registry, "hi-0.1.0.tgz", "admin")}

  Pull     podman pull{registry.option("podman")} {host}/admin/hello
           helm pull{registry.option("helm")} oci://{host}/admin/hi --version 0.1.0

  Data     {options.data}
  Stop     Ctrl-C
"""


def _certificates(options: Options) -> dict[str, str]:
    """Where clients find the certificate of a registry that made its own."""
    root = options.data / ROOT_CERTIFICATE
    if not root.exists():
        return {}
    return {"podman": f"--cert-dir {options.data / CLIENT_FOLDER}", "helm": f"--ca-file {root}"}
