"""Batches from a tf.data pipeline: gathered, and changed as their views say, while the step before still runs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.preprocess.transforms import Pixels
from toolkit.train.views import Views

AHEAD = 2  # batches that are ready before they are asked for


@dataclass(frozen=True, kw_only=True)
class Source:
    """Pictures where TensorFlow finds them; made once a run.

    Args:
        images: uint8 [N, H, W, 3], a tensor.
        labels: int64 [N], a tensor.
        paint: uint8 [3], the colour that holes are painted with.
    """

    images: Any
    labels: Any
    paint: Pixels


def make_source(tf: Any, images: Pixels, labels: NDArray[np.int64]) -> Source:
    """Hand pictures to TensorFlow.

    Args:
        tf: the imported library.
        images: uint8 [N, H, W, 3].
        labels: int64 [N].
    """
    # The mean of some hundred pictures is that of all, near enough to paint with.
    paint = images[:: max(1, len(images) // 500)].mean(axis=(0, 1, 2)).round().astype(np.uint8)
    with tf.device("CPU"):
        return Source(images=tf.constant(images), labels=tf.constant(labels), paint=paint)


def batches(
    tf: Any,
    source: Source,
    order: NDArray[np.int64],
    batch_size: int,
    views: Views | None,
    *,
    whole: bool = False,
    soft_targets: NDArray[np.float16] | None = None,
) -> Any:
    """Return the batches of an epoch, in order.

    Args:
        tf: the imported library.
        source: the pictures.
        order: int64 [M], which pictures, one after the other.
        batch_size: pictures a batch.
        views: how each of the N pictures is changed; None leaves them as they are.
        whole: leave out a last batch that is short, unless it is the only one.
        soft_targets: float16 [N, classes], what a teacher says of each picture's view.

    Returns:
        A tf.data.Dataset of (uint8 [B, H, W, 3], int64 [B], float16 [B, classes or 0]).
    """
    soft = tf.constant(np.zeros((len(order), 0), np.float16) if soft_targets is None else soft_targets)
    held = None if views is None else _tensors(tf, views)

    def gather(chosen: Any) -> tuple[Any, Any, Any]:
        images = tf.gather(source.images, chosen)
        if held is not None and views is not None:
            parts = {name: tf.gather(value, chosen) for name, value in held.items()}
            images = change(tf, images, parts, views.hole, source.paint)
        targets = (
            tf.gather(soft, chosen)
            if soft_targets is not None
            else tf.zeros((tf.size(chosen), 0), soft.dtype)
        )
        return images, tf.gather(source.labels, chosen), targets

    dataset = tf.data.Dataset.from_tensor_slices(order)
    dataset = dataset.batch(batch_size, drop_remainder=whole and len(order) > batch_size)
    dataset = dataset.map(gather, num_parallel_calls=1, deterministic=True).prefetch(AHEAD)
    # Nothing is left to tune, and the iterator's end waits for the thread that tunes, which wakes ever more seldom, in
    # the end once a minute (TensorFlow 2.21; bench/epoch_end.py).
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def _tensors(tf: Any, views: Views) -> dict[str, Any]:
    held: dict[str, NDArray[np.generic]] = {"shifts": views.shifts, "flips": views.flips}
    if views.hole:
        held["holes"] = views.holes
    if views.colours is not None:
        held["colours"] = views.colours
    return {name: tf.constant(value) for name, value in held.items()}


def change(tf: Any, images: Any, parts: dict[str, Any], hole: int, paint: Pixels) -> Any:
    """Change pictures as their views say.

    Args:
        tf: the imported library.
        images: uint8 [B, H, W, 3].
        parts: shifts int32 [B, 2], flips bool [B], and where wanted holes int32 [B, 2] and colours float32 [B, 2].
        hole: side of the square that is painted over, pixels.
        paint: uint8 [3].

    Returns:
        uint8 [B, H, W, 3].
    """
    shape = tf.shape(images)
    height, width = shape[1], shape[2]
    rows = _reflected(tf, tf.range(height)[None] + parts["shifts"][:, :1], height)
    columns = tf.range(width)[None]
    columns = tf.where(parts["flips"][:, None], width - 1 - columns, columns)
    columns = _reflected(tf, columns + parts["shifts"][:, 1:], width)
    # Two gathers instead of padding and slicing: whole rows first, then pixels.
    images = tf.gather(images, rows, batch_dims=1, axis=1)
    images = tf.gather(images, columns, batch_dims=1, axis=2)
    if "holes" in parts:
        inside_rows = _within(tf.range(height), parts["holes"][:, :1], hole)
        inside_columns = _within(tf.range(width), parts["holes"][:, 1:], hole)
        inside = inside_rows[:, :, None, None] & inside_columns[:, None, :, None]
        images = tf.where(inside, tf.constant(paint), images)
    if "colours" in parts:
        images = _recoloured(tf, images, parts["colours"])
    return images


def _reflected(tf: Any, places: Any, length: Any) -> Any:
    # ... 2 1 [0 1 2 3] 2 1 ...; the clip keeps pictures of one pixel from falling out.
    places = tf.abs(places)
    return tf.clip_by_value(length - 1 - tf.abs(length - 1 - places), 0, length - 1)


def _within(places: Any, middle: Any, side: int) -> Any:
    first = middle - side // 2
    return (places[None] >= first) & (places[None] < first + side)


def _recoloured(tf: Any, images: Any, colours: Any) -> Any:
    values = tf.cast(images, tf.float32)
    mean = tf.reduce_mean(values, axis=(1, 2, 3), keepdims=True)
    factor, added = colours[:, 0, None, None, None], colours[:, 1, None, None, None]
    values = (values - mean) * factor + mean + added
    return tf.cast(tf.clip_by_value(tf.round(values), 0, 255), tf.uint8)
