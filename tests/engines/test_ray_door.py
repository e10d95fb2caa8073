import socket
import threading
from collections.abc import Iterator

import pytest

from toolkit.engines import ray_door
from toolkit.engines.ray_door import EMPTY_SETTINGS, refuse_others
from toolkit.errors import ToolkitError


class Server:
    """Says the same to whoever comes, and hangs up."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.words = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                guest, _ = self._socket.accept()
            except OSError:
                return
            with guest:
                guest.recv(1024)
                guest.sendall(self.words)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.close()


@pytest.mark.parametrize(
    "words", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", EMPTY_SETTINGS[:5]]
)
def test_a_port_where_something_else_answers_is_told_at_once(server: Server, words: bytes) -> None:
    server.words = words
    with pytest.raises(ToolkitError, match=r"no Ray cluster \(--ray-address 127.0.0.1:\d+\): check the port"):
        refuse_others(server.address)


def test_whoever_greets_as_a_server_of_grpc_may_be_a_cluster(server: Server) -> None:
    server.words = b"\0\0\x06" + EMPTY_SETTINGS[3:] + b"\0\x04\0\0\xff\xff"
    refuse_others(server.address)
    refuse_others(f"ray://{server.address}")


def test_silence_is_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_door, "CONNECT_S", 0.05)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(ToolkitError, match="no Ray cluster"),
    ):
        refuse_others(f"127.0.0.1:{silent.getsockname()[1]}")


def test_where_ray_speaks_tls_the_port_alone_is_tried(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_USE_TLS", "1")
    refuse_others(server.address)
