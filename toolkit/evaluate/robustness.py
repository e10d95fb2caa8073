"""How accuracy falls when pictures get worse than those of the test set."""

import numpy as np
from numpy.typing import NDArray

from toolkit.evaluate.result import Damaged
from toolkit.models.predictor import Predictor, predict
from toolkit.observer import Observer
from toolkit.preprocess.corruptions import CORRUPTIONS
from toolkit.preprocess.transforms import Pixels
from toolkit.stats.classification import wilson_interval


def robustness(
    predictor: Predictor,
    images_nhwc: Pixels,
    truth: NDArray[np.int64],
    *,
    insides: NDArray[np.int64] | None = None,
    batch_size: int | None,
    seed: int,
    observer: Observer,
) -> tuple[Damaged, ...]:
    """Measure accuracy on every kind and level of damage.

    Args:
        predictor: the model.
        images_nhwc: uint8 [N, height, width, 3], at the model's size.
        truth: int64 [N], class indices in model order.
        insides: int64 [N, 4], where each picture is within its padding; None where there is none.
        batch_size: pictures a batch; None chooses.
        seed: of the noise.
        observer: told what is being done.

    Returns:
        One value for each level of each kind, mildest first within a kind.
    """
    found = []
    for corruption in CORRUPTIONS:
        observer.step(f"Damaging the pictures: {corruption.name}")
        for place, level in enumerate(corruption.levels, 1):
            damaged = corruption.apply(images_nhwc, level, seed=seed, insides=insides)
            probabilities = predict(predictor, damaged, batch_size=batch_size)
            # What isn't a number (an overflow in fp16, say) is no answer, and argmax would take it for one.
            is_right = np.isfinite(probabilities).all(axis=1) & (probabilities.argmax(axis=1) == truth)
            share = wilson_interval(int(is_right.sum()), len(truth))
            found.append(
                Damaged(
                    kind=corruption.name,
                    level=level,
                    unit=corruption.unit,
                    severity=place,
                    accuracy=share.value,
                    accuracy_ci95=(share.low, share.high),
                )
            )
    return tuple(found)
