"""Claim: an epoch of training ends at once, where one with tf.data's own tuning waits for a thread that tunes nothing.

An epoch of our batches, and the same with TensorFlow's autotuning left on, by turns: a consumer takes a batch in
the time of a training step, and how long the iterator's end takes is measured.
"""

import time
from typing import Any

import numpy as np
from evidence import summary, write

from toolkit.keras_model.tensorflow import import_tensorflow
from toolkit.train.batches import batches, make_source

ROUNDS, BATCHES, BATCH, STEP_S = 10, 200, 8, 0.03
SIDE, CLASSES = 32, 10


def end_s(dataset: Any) -> float:
    """Go through an epoch, and measure how long its end takes, seconds."""
    iterator = iter(dataset)
    for _ in range(BATCHES):
        next(iterator)
        time.sleep(STEP_S)
    began = time.perf_counter()
    del iterator
    return time.perf_counter() - began


def main() -> None:
    tf = import_tensorflow("bench")
    generator = np.random.default_rng(0)
    count = BATCHES * BATCH
    images = generator.integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)
    source = make_source(tf, images, generator.integers(0, CLASSES, count))
    tuning = tf.data.Options()
    tuning.autotune.enabled = True
    ends: dict[str, list[float]] = {"tuned": [], "ours": []}
    for _ in range(ROUNDS):
        ours = batches(tf, source, generator.permutation(count), BATCH, None)
        ends["tuned"].append(end_s(ours.with_options(tuning)))
        ends["ours"].append(end_s(ours))
    figures = {"epoch_s": BATCHES * STEP_S, "end_s": {name: summary(taken) for name, taken in ends.items()}}
    for name, each in figures["end_s"].items():
        print(f"{name}: median {each['median']:.3f} s, at most {each['max']:.3f} s")
    write("epoch_end", "the end of an epoch's batches, with and without tf.data's tuning", figures)


if __name__ == "__main__":
    main()
