"""Addresses whose server fails for a while: a real local web server that fails as it is told."""

import email.utils
import http.server
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import encoded, picture

from toolkit.classify.shard import Shard
from toolkit.classify.start import StartWorker
from toolkit.errors import ImageError
from toolkit.images import transient
from toolkit.images.remote import read_remote
from toolkit.images.transient import LONGEST_PAUSE_S, TRIES, pause_before

RED = encoded(picture((255, 0, 0)))


class Failing(http.server.BaseHTTPRequestHandler):
    """Fails /HOW/TIMES/... so many times, then gives a picture; HOW is a status, "reset" or "short"."""

    asked: Counter[str]
    hear: Callable[[], object] = staticmethod(lambda: None)

    def do_GET(self) -> None:
        self.asked[self.path] += 1
        self.hear()
        how, times = self.path.split("/")[1:3]
        if self.asked[self.path] > int(times):
            self.answer(200, RED)
        elif how == "reset":
            self.close_connection = True
        elif how == "short":
            self.answer(200, RED[:20], length=len(RED))
            self.close_connection = True
        else:
            self.answer(int(how), b"")

    def answer(self, status: int, content: bytes, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        if status == 503:
            self.send_header("Retry-After", "0" if "patience" not in self.path else "25")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Counter[str]]]:
    """The address of the server, and how often each path was asked for; pauses are short."""
    pytest.importorskip("aiohttp")
    monkeypatch.setattr(transient, "FIRST_PAUSE_S", 0.001)
    handler = type("Handler", (Failing,), {"asked": Counter()})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", handler.asked  # type: ignore[attr-defined]
        server.shutdown()


@pytest.mark.parametrize("how", ["429", "500", "502", "503", "504", "reset", "short"])
def test_what_fails_twice_and_then_works_is_read(how: str, web: tuple[str, Counter[str]]) -> None:
    address, asked = web
    assert read_remote([f"{address}/{how}/2/a.png", f"{address}/200/0/b.png"]) == [RED, RED]
    assert asked == {f"/{how}/2/a.png": 3, "/200/0/b.png": 1}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_what_will_not_change_is_an_error_at_once(status: int, web: tuple[str, Counter[str]]) -> None:
    address, asked = web
    found, good = read_remote([f"{address}/{status}/9/a.png", f"{address}/200/0/b.png"])
    assert isinstance(found, ImageError)
    assert good == RED
    assert "tried" not in found.what
    assert set(asked.values()) == {1}


def test_what_goes_on_failing_is_an_error_that_says_how_often_it_was_tried(
    web: tuple[str, Counter[str]],
) -> None:
    address, asked = web
    (found,) = read_remote([f"{address}/503/99/a.png"])
    assert isinstance(found, ImageError)
    assert found.what.endswith(f"(tried {TRIES} times)")
    assert asked == {"/503/99/a.png": TRIES}


def test_a_pause_that_a_server_asks_for_ends_when_the_run_is_stopped(
    web: tuple[str, Counter[str]], tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, asked = web
    worker = StartWorker(
        model=str(tiny_model), device="cpu", threads=1, provider_options=(), labels=None, normalize=None, resize=None,
        batch_size=4, top_k=1, max_pixels=None, exact=False,
    )()  # fmt: skip
    monkeypatch.setattr(Failing, "hear", staticmethod(worker.preparer.stop))
    worker.preparer.prepare(Shard([f"{address}/503/1/patience.png"], {0}, {}))
    assert asked == {"/503/1/patience.png": 1}  # a pause that goes on to its end is followed by a second try


class RefusedError(Exception):
    def __init__(self, status: int, retry_after: str | None = None) -> None:
        self.status = status
        self.headers = {} if retry_after is None else {"Retry-After": retry_after}


def test_a_server_says_how_long_to_wait() -> None:
    assert pause_before(1, RefusedError(429, "7")) == 7.0
    in_ten = pause_before(1, RefusedError(503, email.utils.formatdate(time.time() + 10, usegmt=True)))
    assert in_ten is not None
    assert 5 < in_ten <= 10
    assert pause_before(1, RefusedError(503, email.utils.formatdate(0, usegmt=True))) == 0.0
    assert pause_before(1, RefusedError(503, str(int(LONGEST_PAUSE_S) + 1))) is None
    assert pause_before(1, RefusedError(404, "1")) is None


def test_pauses_grow_and_come_to_an_end() -> None:
    pauses = [pause_before(attempt, TimeoutError()) for attempt in range(1, TRIES)]
    assert all(pause is not None for pause in pauses)
    assert pauses == sorted(pauses)  # type: ignore[type-var]
    assert pause_before(TRIES, TimeoutError()) is None


def test_the_status_is_found_below_what_a_library_made_of_it() -> None:
    class ClientError(Exception):
        response = {"ResponseMetadata": {"HTTPStatusCode": 503, "HTTPHeaders": {"retry-after": "2"}}}  # noqa: RUF012

    wrapped = OSError(5, "Input/output error")
    wrapped.__cause__ = ClientError()
    assert pause_before(1, wrapped) == 2.0
    ClientError.response = {"ResponseMetadata": {"HTTPStatusCode": 403, "HTTPHeaders": {}}}
    assert pause_before(1, wrapped) is None
    assert pause_before(1, ConnectionRefusedError(111, "Connection refused")) is None
