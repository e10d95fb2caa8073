"""What range the values of a model's input have: by a name, or by mean and standard deviation."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from toolkit.errors import UsageError

T = TypeVar("T")

Triple = tuple[float, float, float]
"""One number for each of red, green and blue."""

SMALLEST_STD = 1e-3  # of pixels from 0 to 1, which are 4e-3 apart; smaller is a slip
WHERE = "--normalize"


@dataclass(frozen=True)
class Normalization:
    """A range: normalised = pixel * scale + shift, of pixels from 0 to 255, for each of red, green and blue.

    Args:
        name: how `--normalize` says it.
        scale: for red, green and blue.
        shift: for red, green and blue.
        bgr: whether the model then takes the channels in the order blue, green, red.
    """

    name: str
    scale: Triple
    shift: Triple
    bgr: bool = False


def _by_statistics(name: str, mean: Triple, std: Triple) -> Normalization:
    """Return (pixel / 255 - mean) / std."""
    scale = 1 / (255 * std[0]), 1 / (255 * std[1]), 1 / (255 * std[2])
    return Normalization(name, scale, (-mean[0] / std[0], -mean[1] / std[1], -mean[2] / std[2]))


NONE = Normalization("none", (1.0,) * 3, (0.0,) * 3)
UNIT = Normalization("unit", (1 / 255,) * 3, (0.0,) * 3)
MINUS1TO1 = Normalization("minus1to1", (1 / 127.5,) * 3, (-1.0,) * 3)
IMAGENET = _by_statistics("imagenet", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CAFFE = Normalization("caffe", (1.0,) * 3, (-123.68, -116.779, -103.939), bgr=True)

NAMED = {known.name: known for known in (NONE, UNIT, MINUS1TO1, IMAGENET, CAFFE)}
"""The ranges that have names.

Source: torchvision.models documentation for the ImageNet mean and deviation of pixels from 0 to 1; keras.applications'
imagenet_utils for `caffe`; the others follow from their names."""

STATISTICS = "mean=R,G,B,std=R,G,B (of pixels from 0 to 1; one number for all channels will do)"
CHOICES = f"imagenet, unit (0 to 1), minus1to1, caffe, none (0 to 255), or {STATISTICS}"


def parse(text: str) -> Normalization:
    """Read what `--normalize` says: a name, or `mean=R,G,B,std=R,G,B`.

    Mean and standard deviation are of pixels from 0 to 1, as is usual; one number stands for all channels.

    Raises:
        UsageError: it is neither, or a number is out of range.
    """
    if text in NAMED:
        return NAMED[text]
    said = re.fullmatch(r"mean=([^=]*),std=([^=]*)", "".join(text.split()))
    if said is None:
        raise _refusal(f"'{text}' is not a choice")
    mean, std = _triple("mean", said[1], least=0), _triple("std", said[2], least=SMALLEST_STD)
    return _by_statistics(said[0], mean, std)


def where_needed(text: str | None, openers: Iterable[Callable[[str | None], T]]) -> list[T]:
    """Open several models: `--normalize` is for those that need it, beside others that scale pixels themselves.

    Args:
        text: what it says; None where it wasn't given.
        openers: each opens one model, given the range or None, and refuses a range that it has no use for.

    Raises:
        UsageError: it says nothing that there is, or none of the models needs it.
    """
    if text is not None:
        parse(text)
    opened, refusals = [], []
    for opener in openers:
        try:
            opened.append(opener(text))
        except UsageError as refusal:
            if text is None or refusal.where != WHERE:
                raise
            refusals.append(refusal)
            opened.append(opener(None))
    if refusals and len(refusals) == len(opened):
        raise refusals[0]
    return opened


def _triple(name: str, text: str, *, least: float) -> Triple:
    numbers = [_number(word) for word in text.split(",")]
    for number in numbers:
        if not least <= number <= 1:
            raise _refusal(f"{name} {number:g} is out of range")
    match numbers:
        case [each]:
            return each, each, each
        case [red, green, blue]:
            return red, green, blue
    raise _refusal(f"{name} has {len(numbers)} numbers instead of three or one")


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise _refusal(f"'{word}' is not a number") from None


def _refusal(what: str) -> UsageError:
    return UsageError(what, where=WHERE, remedy=f"use {CHOICES}")
