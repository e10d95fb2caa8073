"""Make the probabilities of a trained network mean what they say: a temperature, folded into its last layer."""

from typing import Any

import numpy as np

from toolkit.data.dataset import Split
from toolkit.observer import Observer
from toolkit.stats.classification import cross_entropy, softmax
from toolkit.stats.temperature import fit_temperature

FEWEST_PICTURES = 200  # held out; the temperature of fewer is off by some percent by chance
FEWEST_MISTAKES = 10  # among them; without any, no certainty would be too much
BATCH = 256
LEAST = np.finfo(np.float32).tiny


def calibrate(network: Any, validation: Split | None, observer: Observer) -> float | None:
    """Divide the weights of the last layer by the temperature that suits the held-out pictures best.

    Which class is the most probable stays the same, and so does the accuracy.

    Args:
        network: Keras model that ends in a dense layer with softmax; it is changed.
        validation: held-out pictures, or None.
        observer: told what was found, or why nothing was done.

    Returns:
        The temperature; None where nothing was done.

    Source: Guo et al., arXiv:1706.04599, section 4.2; a softmax of (W x + b) / T is one of (W / T) x + b / T.
    """
    if validation is None or len(validation) < FEWEST_PICTURES:
        observer.notice(
            _left("held-out pictures", FEWEST_PICTURES, 0 if validation is None else len(validation))
        )
        return None
    probabilities = network.predict(validation.images, batch_size=BATCH, verbose=0)
    mistakes = int(np.sum(probabilities.argmax(axis=1) != validation.labels))
    if mistakes < FEWEST_MISTAKES:
        observer.notice(_left("mistakes on held-out pictures", FEWEST_MISTAKES, mistakes))
        return None
    logits = np.log(np.maximum(probabilities, LEAST))
    temperature = fit_temperature(logits, validation.labels)
    _fold(network, temperature)
    before, after = (cross_entropy(softmax(logits / t), validation.labels) for t in (1.0, temperature))
    observer.line(
        f"Probabilities calibrated on the {len(validation):,} held-out pictures: temperature {temperature:.3f},"
        f" val_loss {before:.4f} to {after:.4f}"
    )
    return temperature


def _left(what: str, needed: int, there: int) -> str:
    return f"the probabilities are not calibrated: that takes {needed} {what}, and there are {there}"


def _fold(network: Any, temperature: float) -> None:
    last = network.layers[-1]
    last.set_weights([weights / temperature for weights in last.get_weights()])
