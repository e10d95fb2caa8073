"""Go on from a trained model with other classes: the last layer first, then all of them, gently.

Claim: some hundred pictures of a few classes give a working model in minutes, far above what the same network learns
from them alone.
Evidence: exported/README.md has the figures of both on five classes of 100 pictures each.

Method: the last dense layer of the model given with --from is replaced by one for the new classes. For five epochs it
alone is trained, with Adam at 0.003, while the rest, statistics of batch normalisation included, stays as it is; large
first gradients of an untrained layer would wash out what the others know. Then all layers are trained with AdamW at
0.0005, warmed up over a tenth and brought to zero along a cosine; statistics follow the new pictures. Views are shifted
by up to an eighth and mirrored at random; labels are smoothed by 0.1. Training stops after ten epochs without a lower
validation loss, and the best epoch is kept.

Source: Kumar et al., arXiv:2202.10054, for the last layer first; Yosinski et al., arXiv:1411.1792, for how well
features carry over; Li et al., arXiv:1603.04779, for statistics that follow the new domain.
"""

from toolkit.train.options import Optimizer
from toolkit.train.recipe import Recipe, Schedule, Settings, Span

RECIPE = Recipe(
    name="fine-tune",
    summary="go on from a trained model (--from) with other classes: last layer first, then all",
    defaults=Settings(
        epochs=35,
        batch_size=32,
        optimizer=Optimizer.ADAMW,
        learning_rate=0.0005,
        augment=True,
        schedule=Schedule.COSINE,
        warmup=0.1,
        weight_decay=0.01,
        clip_norm=1.0,
        label_smoothing=0.1,
        head_epochs=5,
        head_rate=0.003,
        patience=10,
    ),
    smallest=1,
    build=None,
    search={
        "learning_rate": Span(1e-5, 5e-3, log=True),
        "weight_decay": Span(1e-4, 1e-1, log=True),
        "head_epochs": (0, 3, 5, 10),
        "dropout": (0.0, 0.2, 0.5),
    },
)
