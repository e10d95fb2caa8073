"""Random weights that behave like trained ones: activations of size 1, answers that differ, rounding that stays small.

What Keras draws can't serve to compare two implementations. Statistics of batch normalisation that were never taken
let activations grow or die, so that answers are the same for every picture. Residual branches as strong as what they
are added to, and rectifiers cutting at the mean, make a deep network chaotic: the last digit of the first layer comes
out as a difference of 0.1. So each layer is scaled from its own output for a few pictures, in one pass from input
to output, and residual branches are damped as training would.

Source: Mishkin and Matas, All you need is a good init (2016), for layer by layer scaling from data; Zhang, Dauphin
and Ma, Fixup Initialization (2019), for damped branches; Yang et al., A Mean Field Theory of Batch Normalization
(2019), for gradients that grow by 1.21 a layer where rectifiers cut at the mean.
"""

from collections import Counter
from typing import Any

import numpy as np

DAMPING = 0.3  # of the last layer of a residual branch
SPREAD = 2.0  # standard deviation of each logit over pictures
SHIFT = 1.0  # of batch normalisation's output, in standard deviations: rectifiers cut a sixth
QUIET = 0.1  # least variance of a channel relative to its mean square: a near-constant one isn't blown up
SCALING_POWER = 1e-12  # a layer whose output is smaller than this is left alone


def settle(model: Any, values: Any, seed: int = 0) -> None:
    """Scale every layer's weights from its output for some pictures.

    Args:
        model: a functional Keras model that ends in a classifier; changed in place.
        values: float32 [N, ...], pictures in the range that it expects.
        seed: of what is drawn.
    """
    generator = np.random.default_rng(seed)
    damped, last = _ends_of_branches(model), _last_with_kernel(model)
    nodes = [n for depth in sorted(model._nodes_by_depth, reverse=True) for n in model._nodes_by_depth[depth]]
    uses = Counter(id(tensor) for node in nodes for tensor in node.input_tensors)
    known = {id(model.inputs[0]): values}
    for node in nodes:
        if node.is_input:
            continue
        arguments, options = node.arguments.fill_in(known)
        layer = node.operation
        gain = DAMPING if layer.name in damped else 1.0
        kind = type(layer).__name__
        if kind == "BatchNormalization":
            _normalise(layer, arguments[0], gain, generator)
        elif kind == "LayerScale":
            layer.gamma.assign(np.full(layer.gamma.shape, gain))
        elif _kernel(layer) is not None:
            _scale(layer, arguments[0], gain, spread=layer.name == last)
        known[id(node.outputs[0])] = layer(*arguments, **options)
        for tensor in node.input_tensors:  # activations of a large network together are gigabytes
            uses[id(tensor)] -= 1
            if not uses[id(tensor)]:
                known.pop(id(tensor), None)


def _kernel(layer: Any) -> Any:
    return getattr(layer, "pointwise_kernel", getattr(layer, "kernel", None))


def _last_with_kernel(model: Any) -> str:
    return str([layer.name for layer in model.layers if _kernel(layer) is not None][-1])


def _ends_of_branches(model: Any) -> set[str]:
    """Name the layer with weights that ends each residual branch: the deeper side of an addition."""
    depth: dict[int, int] = {}
    makers: dict[int, Any] = {}
    ends = set()
    for level in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[level]:
            before = [depth.get(id(tensor), 0) for tensor in node.input_tensors]
            for tensor in node.outputs:
                depth[id(tensor)], makers[id(tensor)] = 1 + max(before, default=0), node
            if type(node.operation).__name__ != "Add" or len(set(before)) < 2:
                continue
            maker = makers[id(node.input_tensors[int(np.argmax(before))])]
            while not maker.operation.weights and len(maker.input_tensors) == 1:
                maker = makers[id(maker.input_tensors[0])]
            ends.add(maker.operation.name)
    return ends


def _normalise(layer: Any, values: Any, gain: float, generator: np.random.Generator) -> None:
    values = np.asarray(values, np.float64)
    axes = tuple(axis for axis in range(values.ndim) if axis != values.ndim - 1)
    mean, square = values.mean(axes), (values**2).mean(axes)
    layer.moving_mean.assign(mean)
    layer.moving_variance.assign(np.maximum(square - mean**2, QUIET * square))
    if layer.gamma is not None:
        layer.gamma.assign(gain * generator.uniform(0.7, 1.3, mean.shape))
    layer.beta.assign(gain * generator.normal(SHIFT, 0.3, mean.shape))


def _scale(layer: Any, values: Any, gain: float, *, spread: bool) -> None:
    """Give a layer's output the size `gain`; the last one's logits a mean of 0 and a spread over pictures."""
    from keras import activations

    activation = getattr(layer, "activation", None)
    if activation is not None:
        layer.activation = activations.linear
    scores = np.asarray(layer(values), np.float64)
    if activation is not None:
        layer.activation = activation
    kernel = _kernel(layer)
    if spread:
        scores = scores.reshape(len(scores), -1)
        factor = SPREAD / scores.std(axis=0).mean()
        layer.bias.assign(-factor * scores.mean(axis=0))
    else:
        power = np.mean(scores**2)
        factor = gain / np.sqrt(power) if power > SCALING_POWER else 1.0
    kernel.assign(np.asarray(kernel) * factor)
