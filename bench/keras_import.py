"""Claim: TensorFlow and Keras are imported in four fifths of the time when Python's collector of cycles keeps away.

Fresh processes in turn: one imports both plainly, one as toolkit does (`keras_model/tensorflow.py`). Each then times
a full collection, of which an export makes several.
"""

import json
import os
import subprocess
import sys

from evidence import as_installed, summary, write

RUNS = 11
TIMED = """
import gc, json, time
began = time.perf_counter()
{body}
imported = time.perf_counter() - began
began = time.perf_counter()
gc.collect()
print(json.dumps([imported, time.perf_counter() - began]))
"""
BODIES = {
    "plain": "import tensorflow, keras",
    "toolkit": "from toolkit.keras_model.tensorflow import import_keras; import_keras('bench')",
}


def seconds(body: str) -> list[float]:
    """Return the seconds of the import and of a collection after it."""
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", TIMED.format(body=body)],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
    )  # fmt: skip
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    as_installed()
    samples: dict[str, list[list[float]]] = {name: [] for name in BODIES}
    for _ in range(RUNS):
        for name, body in BODIES.items():
            samples[name].append(seconds(body))
    figures: dict[str, dict[str, dict[str, float]]] = {}
    for name, times in samples.items():
        imports, collections = (list(column) for column in zip(*times, strict=True))
        figures[name] = {"import_s": summary(imports), "collection_s": summary(collections)}
        print(
            f"{name:<8} import {figures[name]['import_s']['median']:.2f} s,"
            f" a collection {figures[name]['collection_s']['median']:.3f} s"
        )
    share = figures["toolkit"]["import_s"]["median"] / figures["plain"]["import_s"]["median"]
    print(f"toolkit's import takes {share:.2f} of the plain one's time")
    write("keras_import", "importing TensorFlow and Keras", {**figures, "import_share": round(share, 3)})


if __name__ == "__main__":
    main()
