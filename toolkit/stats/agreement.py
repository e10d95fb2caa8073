"""Two sets of class probabilities for the same pictures: how far they agree."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SMALLEST = 1e-30
"""Probabilities below count as this: float32 holds 1e-38, with a whole digit only above 1e-37."""

SMALLEST_OF_TWO = 1e-4
"""The same where there are two classes: one may have been computed as 1 - p, which float32 holds to 6e-8 only, so
that its logarithm is exact to 1e-3 above this."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far two models agree.

    Args:
        pictures: how many were compared.
        max_difference: largest absolute difference of any probability; infinite where one is not a number.
        max_logit_difference: largest absolute difference of a logit, each picture's logits taken relative to
            their mean; infinite where a probability is not a number.
        mean_difference: mean absolute difference over all probabilities.
        top1_agreement: share of pictures with the same most probable class, 0 to 1; a picture for which either model
            gave something that is not a finite number has none.
        small_margin: pictures whose two best classes (of the first model) lie closer together than twice the
            largest difference: only their label could change because of it; None where a probability is not a number.
    """

    pictures: int
    max_difference: float
    max_logit_difference: float
    mean_difference: float
    top1_agreement: float
    small_margin: int | None

    def to_document(self) -> dict[str, Any]:
        """Return the figures as strict JSON values: an infinite difference, or what isn't known, is null."""
        figures = asdict(self)
        return {k: v if v is not None and np.isfinite(v) else None for k, v in figures.items()}


SUM_OF_CLASSES = 0.05
"""How far probabilities of classes may be from adding up to 1, in half precision or 8 bits. Source: 255 steps of an
8-bit softmax over ten classes are off by 0.02 at most; labels by themselves are off by as much as they like."""


def differences(first: Floats, second: Floats) -> NDArray[np.float64]:
    """Compute each picture's largest difference of a probability.

    Args:
        first: float32 [N, classes].
        second: float32 [N, classes].

    Returns:
        float64 [N]; infinite where either model gave something that is not a finite number.

    Source: the maximum norm of the difference of two vectors.
    """
    with np.errstate(invalid="ignore"):  # infinity less infinity is dealt with on the next line
        gap = np.abs(first.astype(np.float64) - second.astype(np.float64))
    gap[~np.isfinite(gap)] = np.inf
    return np.asarray(gap.max(axis=1, initial=0.0))


def logit_differences(first: Floats, second: Floats) -> NDArray[np.float64]:
    """Compute each picture's largest difference of a logit, found back from the probabilities.

    A softmax loses only a constant per picture: the logarithms of the probabilities, relative to their mean,
    are the logits relative to theirs. So a difference shows that a saturated softmax hides. Probabilities that don't
    add up to 1 are those of labels by themselves, each from a sigmoid: there the logit is the logarithm of the odds.

    Args:
        first: float32 [N, classes], probabilities.
        second: float32 [N, classes], probabilities.

    Returns:
        float64 [N]; infinite where either model gave something that is not a finite number.

    Source: the definitions of softmax, log p = z - log sum exp z, and of the logistic function, log p / (1 - p) = z;
        `SMALLEST` keeps what float32 can't hold out.
    """
    logits = _log_odds if _by_themselves(first) else _centred_log
    with np.errstate(invalid="ignore"):
        gap = logits(first) - logits(second)
    gap[~np.isfinite(gap)] = np.inf
    return np.asarray(np.abs(gap).max(axis=1, initial=0.0))


def _by_themselves(probabilities: Floats) -> bool:
    sums = probabilities.sum(axis=1)
    known = sums[np.isfinite(sums)]
    return bool(len(known)) and float(np.abs(known - 1).max()) > SUM_OF_CLASSES


def _log_odds(probabilities: Floats) -> NDArray[np.float64]:
    held = np.clip(probabilities.astype(np.float64), SMALLEST_OF_TWO, 1 - SMALLEST_OF_TWO)
    return np.asarray(np.log(held / (1 - held)))


def _centred_log(probabilities: Floats) -> NDArray[np.float64]:
    smallest = SMALLEST_OF_TWO if probabilities.shape[1] == 2 else SMALLEST
    logs = np.log(np.clip(probabilities.astype(np.float64), smallest, None))
    return np.asarray(logs - logs.mean(axis=1, keepdims=True))


def compare(first: Floats, second: Floats) -> Agreement:
    """Compare the probabilities that two models give for the same pictures.

    Args:
        first: float32 [N, classes], N >= 1.
        second: float32 [N, classes].

    Returns:
        The agreement.

    Raises:
        ValueError: the shapes differ, or there is no picture.

    Source: a label can only flip when the margin between the two best classes is at most twice the largest
        difference (each of the two may move by that much).
    """
    if first.shape != second.shape or first.ndim != 2 or not len(first):
        raise ValueError(f"can't compare {first.shape} with {second.shape}")
    gaps = differences(first, second)
    largest = float(gaps.max())
    same = first.argmax(axis=1) == second.argmax(axis=1)
    finite = np.isfinite(largest)
    mean = float(np.abs(first.astype(np.float64) - second.astype(np.float64)).mean()) if finite else np.inf
    return Agreement(
        pictures=len(first),
        max_difference=largest,
        max_logit_difference=float(logit_differences(first, second).max()),
        mean_difference=mean,
        top1_agreement=float(np.mean(same & np.isfinite(gaps))),
        small_margin=_small_margin(first, largest) if finite else None,
    )


def _small_margin(first: Floats, largest: float) -> int:
    if first.shape[1] < 2:
        return 0
    best_two = np.partition(first, -2, axis=1)[:, -2:].astype(np.float64)
    return int(np.count_nonzero(best_two[:, 1] - best_two[:, 0] <= 2 * largest))


def missed_gates(
    agreement: Agreement, tolerance: float | None, min_agreement: float | None
) -> tuple[str, ...]:
    """Say in a sentence each which gates an agreement doesn't meet, and by how much.

    Args:
        agreement: the figures.
        tolerance: largest difference of a probability that passes; None means no gate.
        min_agreement: least top-1 agreement that passes, 0 to 1; None means no gate.

    Source: the gates --tolerance and --min-agreement of the command-line contract.
    """
    missed = []
    if tolerance is not None and not agreement.max_difference <= tolerance:
        missed.append(
            f"the largest difference, {agreement.max_difference:.2e}, is above --tolerance {tolerance:g}"
        )
    if min_agreement is not None and agreement.top1_agreement < min_agreement:
        missed.append(
            f"the top-1 agreement, {agreement.top1_agreement:.4f}, is below --min-agreement {min_agreement:g}"
        )
    return tuple(missed)
