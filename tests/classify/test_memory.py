"""Pictures that are small as files, within the pixel limit, and larger than the memory that is left."""

import json
import subprocess
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from images.makers import png_chunk
from support import encoded, picture

from toolkit.classify.prepare import Preparer
from toolkit.classify.shard import Shard
from toolkit.classify.start import StartWorker

SIDE = 6000
# In the main thread: a thread that begins when there is no memory for its own data is ended by the C library.
RUN = """
import json, resource, sys
from toolkit.classify.shard import Shard
from toolkit.classify.start import StartWorker

worker = StartWorker(model=sys.argv[1], device="cpu", threads=1, provider_options=(), labels=None, normalize=None,
                     resize=None, batch_size=4, top_k=1, max_pixels=None, exact=True)()

def classify(*names):
    return worker(Shard(names, set(), {})).errors

assert classify("before.png", "before.jpg") == {}  # so that every library is loaded
with open("/proc/self/status") as status:
    used = next(int(line.split()[1]) << 10 for line in status if line.startswith("VmSize"))
found = []
for left in map(int, sys.argv[2:]):
    resource.setrlimit(resource.RLIMIT_AS, (used + (left << 20), resource.RLIM_INFINITY))
    found.append(classify("huge.png", "before.png", "huge.jpg", "before.jpg"))
print(json.dumps(found))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says how much memory is used")
def test_a_picture_for_which_the_memory_does_not_suffice_is_a_row_and_the_run_goes_on(
    tiny_model: Path, tmp_path: Path
) -> None:
    from PIL import Image

    for name, kind in (("before.png", "PNG"), ("before.jpg", "JPEG")):
        (tmp_path / name).write_bytes(encoded(picture((255, 0, 0), (9, 9)), kind))
    rows = zlib.compress((b"\0" + b"\xff" * (SIDE // 8)) * SIDE, 1)
    header = SIDE.to_bytes(4, "big") * 2 + b"\1\0\0\0\0"  # one bit a pixel
    (tmp_path / "huge.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")
    )  # fmt: skip
    Image.new("CMYK", (SIDE, SIDE)).save(tmp_path / "huge.jpg", quality=1)
    left = [60, 160, 260, 360, 460]  # MB: it ends at different steps of the decoding, or nowhere
    done = subprocess.run(
        [sys.executable, "-c", RUN, tiny_model, *map(str, left)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found[0]) == {"0", "2"}
    assert set().union(*found) <= {"0", "2"}
    assert all("not enough memory" in error for each in found for error in each.values())


def test_memory_that_ends_while_a_decoded_picture_is_resized_is_a_row_too(
    tiny_model: Path, tmp_path: Path
) -> None:
    def fit(*_: object) -> Any:
        raise MemoryError

    (tmp_path / "a.png").write_bytes(encoded(picture((255, 0, 0), (9, 9))))
    (tmp_path / "b.png").write_bytes(encoded(picture((255, 0, 0), (8, 8))))
    worker: Any = StartWorker(
        model=str(tiny_model), device="cpu", threads=1, provider_options=(), labels=None, normalize=None,
        resize=None, batch_size=4, top_k=1, max_pixels=None, exact=False,
    )()  # fmt: skip
    plan: Any = SimpleNamespace(height=8, width=8, fit=fit)
    worker.preparer = Preparer(plan, batch_size=4, max_pixels=10**6, exact=False)
    outcome = worker(Shard([str(tmp_path / "a.png"), str(tmp_path / "b.png")], set(), {}))
    assert outcome.errors == {0: "not enough memory for this picture"}
    assert outcome.best.tolist() == [[0]]
