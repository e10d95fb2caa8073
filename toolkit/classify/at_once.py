"""How many pictures a CPU runs through a model at once."""

from toolkit.models.open import OpenModel

PIXELS = 2**15
"""32 pictures of 32 x 32, or not even one of 224 x 224: the activations of more push each other out of the
cache. Measured by bench/batch_pixels.py: a picture in runs of 64 takes MobileNetV2 a sixth longer than alone."""

WEIGHTS = 2**24  # bytes that a picture may have read for itself; larger models share a reading among more


def pictures_at_once(model: OpenModel) -> int:
    """Return how many pictures of a batch should go through a model at once.

    Args:
        model: open, on the CPU.

    Returns:
        1 or more; a multiple of the model's own batch size where that is fixed.
    """
    height, width = model.input_size
    files = (model.session.path, model.session.path.with_name(f"{model.session.path.name}.data"))
    weights = sum(file.stat().st_size for file in files if file.is_file())
    count = max(1, PIXELS // (height * width), weights // WEIGHTS)
    fixed = model.session.signature.batch or 1
    return -(-count // fixed) * fixed
