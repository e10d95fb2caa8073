"""edge-s: as quick as the paper's CNN, and far more accurate.

Claim: test accuracy of 0.874 on CIFAR-10 (JPEG) after 63 minutes on two cores, at the latency of the fp32 paper CNN.
Evidence: exported/README.md, one run, seed 0, taught by edge-l and edge-m. Latency in int8 with VNNI: 0.96 times the
paper CNN's, measured for two minutes (bench/shipped_latency.py). With 128 channels at an eighth in place of 112 it was
1.02 times; that network, on labels alone for 110 epochs, reached 0.865 to 0.870 over three seeds.

Method: a plain stack of 3x3 convolutions made for int8, of 0.36 million parameters and 10 million multiply-adds. A node
costs 1 to 2 microseconds here, so there are no branches to add up: stem 3x3 with stride 2 (24), one convolution of 32
channels at half size, two of 64 at a quarter, three of 112 at an eighth, each with batch normalisation that folds into
it; mean over places; dense layer. Halving the size in the stem pays: full-size layers are few channels wide, which int8
gains little from. Of stacks of the same latency the one with 128 channels learnt most in six epochs. Views are only
shifted and mirrored, labels not smoothed; otherwise trained as edge-l. With --teacher it learns a teacher's
probabilities as edge-m does, and of two teachers the mean. The first half of the run was at 24 pixels. It ends with a
training accuracy of 0.96 by labels that its teachers know by heart, so that more augmentation is where the next points
are.

Source: as edge-m; Simonyan and Zisserman, arXiv:1409.1556 (stacks of 3x3). Widths and depths: latency of the exported
files measured by bench/frontier.py.
"""

from typing import Any

from toolkit.train.blocks import classes as head
from toolkit.train.blocks import convolution, image, stages
from toolkit.train.options import Optimizer
from toolkit.train.recipe import Arithmetic, Decay, Flip, Recipe, Schedule, Settings, Span

STEM = 24
STAGES = ((32, 1), (64, 2), (112, 3))  # channels, convolutions


def build(input_shape: tuple[int, int, int], classes: int, settings: Settings) -> Any:
    """Build the network for pictures of `input_shape` and any number of classes."""
    import keras

    pixels, x = image(input_shape)
    x = convolution(x, STEM, stride=2)
    x = stages(x, STAGES, convolution)
    return keras.Model(pixels, head(x, classes, settings.dropout), name="edge_s")


RECIPE = Recipe(
    name="edge-s",
    summary="plain convolutions for int8, 0.4 M parameters: as quick as the paper's CNN",
    defaults=Settings(
        epochs=120,
        batch_size=128,
        optimizer=Optimizer.NESTEROV,
        learning_rate=0.1,
        augment=True,
        flip=Flip.ALTERNATING,
        schedule=Schedule.TRIANGULAR,
        warmup=0.1,
        weight_decay=5e-4,
        decay=Decay.L2,
        averaging=0.999,
        whole_batches=True,
        arithmetic=Arithmetic.BFLOAT16,
        teacher_weight=0.9,
        temperature=1.0,
        views=15,
    ),
    smallest=8,
    build=build,
    search={
        "learning_rate": Span(0.02, 0.5, log=True),
        "weight_decay": Span(1e-5, 1e-3, log=True),
        "teacher_weight": (0.5, 0.9, 1.0),
        "temperature": (1.0, 2.0, 4.0),
    },
)
