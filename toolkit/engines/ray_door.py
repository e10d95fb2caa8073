"""Whether a Ray cluster may be at an address: asked before Ray, which takes half a minute and many words to say no."""

import os
import socket

from toolkit.engines.ray_settings import AUTO
from toolkit.errors import ToolkitError

CONNECT_S = 10.0  # how long a cluster may take to answer at all
TLS = "RAY_USE_TLS"  # set where Ray speaks TLS, so that what it says can't be read here

# Ray speaks gRPC, which is HTTP/2: both sides begin with a SETTINGS frame, the client with a line before it.
# Source: RFC 9113, sections 3.4 (connection preface), 4.1 (frame format) and 6.5 (SETTINGS).
FRAME_HEAD_BYTES = 9  # length (3), type, flags, stream (4)
SETTINGS = 4
EMPTY_SETTINGS = bytes([0, 0, 0, SETTINGS, 0, 0, 0, 0, 0])
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + EMPTY_SETTINGS


def refuse_others(address: str) -> None:
    """Refuse an address where nothing answers, or something that can't be a Ray cluster.

    Args:
        address: HOST:PORT, ray://HOST:PORT or "auto", which Ray finds by itself.

    Raises:
        ToolkitError: there is no cluster for sure.
    """
    if address == AUTO:
        return
    host, _, port = address.rpartition("://")[2].rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), CONNECT_S) as connection:
            if os.environ.get(TLS, "0") in ("", "0") and not _answers_as_grpc(connection):
                raise ToolkitError(
                    "what answers there is no Ray cluster",
                    where=f"--ray-address {address}",
                    remedy="check the port; 'ray start --head' prints the right one",
                )
    except (OSError, UnicodeError) as error:  # some names of machines can't be asked for at all
        raise ToolkitError(
            f"nothing answers there: {getattr(error, 'strerror', None) or error}",
            where=f"--ray-address {address}",
            remedy="check the address; 'ray start --head' prints the right one",
        ) from error


def _answers_as_grpc(connection: socket.socket) -> bool:
    """Greet as a client of gRPC does, and tell whether the answer begins as that of a server."""
    try:
        connection.sendall(GREETING)
        with connection.makefile("rb") as answer:
            head = answer.read(FRAME_HEAD_BYTES)
    except OSError:  # silence, or a closed door
        return False
    return len(head) == FRAME_HEAD_BYTES and head[3] == SETTINGS and head[5:] == bytes(4)
