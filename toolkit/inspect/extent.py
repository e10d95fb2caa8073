"""The output-size formula (H + 2P − F)/S + 1, and what a stride leaves out at the border."""

from toolkit.wording import count


def output_extent(size: int, padding_total: int, window: int, stride: int, dilation: int = 1) -> int:
    """Compute how many positions a sliding window has along one axis: floor((H + 2P − F)/S) + 1.

    Args:
        size: extent H of the input, pixels.
        padding_total: padding of both ends together (2P where they are equal), pixels.
        window: extent F of the window, pixels.
        stride: step S of the window, pixels, 1 or more.
        dilation: distance between neighbouring window elements, 1 or more.

    Returns:
        Positions; 0 where the window is larger than the padded input.

    Source: Dumoulin & Visin, A guide to convolution arithmetic for deep learning (2016), relationships 6
    and 15.
    """
    room = _room(size, padding_total, window, dilation)
    return 0 if room < 0 else room // stride + 1


def dropped(
    size: int, padding_total: int, window: int, stride: int, dilation: int = 1, *, padding_end: int = 0
) -> int:
    """Count the last rows or columns of an input that no window reaches: (H + 2P − F) mod S.

    Args:
        size: extent H of the input, pixels.
        padding_total: padding of both ends together, pixels.
        window: extent F of the window, pixels.
        stride: step S of the window, pixels, 1 or more.
        dilation: distance between neighbouring window elements, 1 or more.
        padding_end: the part of the padding that lies behind the last pixel. It is left out first, so
            that a remainder which only touches padding costs no pixel of the picture.

    Returns:
        Pixels, 0 to `size`.

    Source: the remainder of `output_extent`. It is why a pooling should divide its input.
    """
    room = _room(size, padding_total, window, dilation)
    if room < 0:
        return size
    return max(0, room % stride - padding_end)


def border_note(*counts: int) -> str:
    """Say what is dropped along the axes of a picture; empty where nothing is.

    Args:
        counts: pixels dropped: (rows, columns), or one number per axis where there aren't two.
    """
    names = ("row", "column") if len(counts) == 2 else ("position",) * len(counts)
    parts = [count(pixels, name) for pixels, name in zip(counts, names, strict=True) if pixels]
    return f"drops {' and '.join(parts)} at the border" if parts else ""


def _room(size: int, padding_total: int, window: int, dilation: int) -> int:
    """How far the window can move: H + 2P − F, with the dilated window's extent for F."""
    return size + padding_total - ((window - 1) * dilation + 1)
