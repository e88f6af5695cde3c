"""Where the local certificates stand in the data folder."""

ROOT_CERTIFICATE = "rootCA.pem"  # for clients: helm --ca-file
CLIENT_FOLDER = "tls/client"  # for clients: podman --cert-dir
ROOT_KEY = "tls/rootCA.key"
SERVER_CERTIFICATE = "tls/server.pem"
SERVER_KEY = "tls/server.key"
