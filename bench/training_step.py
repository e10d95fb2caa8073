"""Claim: batch normalisation as one operation makes training steps of residual networks a third shorter in bfloat16.

Recipes whose networks normalise batches, at their own batch size and arithmetic and in float32, on one batch of noise:
Keras' batch normalisation and TensorFlow's take steps by turns.
"""

import time
from dataclasses import replace
from typing import Any

import numpy as np
from evidence import summary, write

from toolkit.keras_model.tensorflow import import_keras, import_tensorflow
from toolkit.machine.features import cpu_features
from toolkit.train.arithmetic import HAS_BFLOAT16
from toolkit.train.fused import fused
from toolkit.train.recipe import Arithmetic
from toolkit.train.recipes import find_recipe
from toolkit.train.trainer import Trainer

RECIPES = ("edge-s", "edge-m", "edge-l")
WARM_UP, ROUNDS, STEPS = 3, 6, 4
SIDE, CLASSES = 32, 10


def race(tf: Any, keras: Any, recipe: str, arithmetic: Arithmetic) -> dict[str, dict[str, float]]:
    """Time the steps of both, milliseconds."""
    found = find_recipe(recipe)
    settings = replace(found.defaults, arithmetic=arithmetic, teacher_weight=0.0)
    generator = np.random.default_rng(0)
    images = tf.constant(generator.integers(0, 256, (settings.batch_size, SIDE, SIDE, 3), dtype=np.uint8))
    labels = tf.constant(generator.integers(0, CLASSES, settings.batch_size))
    soft = tf.constant(np.zeros((settings.batch_size, 0), np.float16))
    networks = {"keras": found.build((SIDE, SIDE, 3), CLASSES, settings)}
    networks["fused"] = fused(tf, keras, networks["keras"])
    trainers = {name: Trainer(tf, keras, network, settings) for name, network in networks.items()}
    times: dict[str, list[float]] = {name: [] for name in trainers}
    for number in range(WARM_UP + ROUNDS):
        for name, trainer in trainers.items():
            with trainer.fast_arithmetic():
                for _ in range(1 if number < WARM_UP else STEPS):
                    began = time.perf_counter()
                    np.asarray(trainer.step(images, labels, soft, 1e-4, 1.0, head_only=False))
                    if number >= WARM_UP:
                        times[name].append(1e3 * (time.perf_counter() - began))
    return {name: summary(taken) for name, taken in times.items()}


def main() -> None:
    tf, keras = import_tensorflow("bench"), import_keras("bench")
    tf.config.experimental.enable_op_determinism()  # as every training of ours
    kinds = [Arithmetic.FLOAT32]
    if (cpu_features() or frozenset()) & HAS_BFLOAT16:
        kinds.append(Arithmetic.BFLOAT16)
    figures: list[dict[str, Any]] = []
    for recipe in RECIPES:
        for arithmetic in kinds:
            times = race(tf, keras, recipe, arithmetic)
            share = times["fused"]["median"] / times["keras"]["median"]
            figures.append(
                {"recipe": recipe, "arithmetic": arithmetic.value, "step_ms": times, "share": round(share, 3)}
            )
            print(
                f"{recipe} {arithmetic.value:<8}  keras {times['keras']['median']:6.1f} ms,"
                f" fused {times['fused']['median']:6.1f} ms: {share:.2f}",
                flush=True,
            )
    write("training_step", "a training step with batch normalisation as one operation", figures)


if __name__ == "__main__":
    main()
