"""Whether the rows of a finished file are those of this model: a few of them are made again.

A finished file doesn't say what made it: CSV has no place for that, and what stands beside a file gets lost.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from toolkit.classify.rows import Rows, places_of
from toolkit.classify.shard import Shard
from toolkit.engines.protocol import Engine
from toolkit.errors import OutputError

ROWS_LOOKED_AT = 64
SAME_PROBABILITY = 0.005  # another processor or provider rounds otherwise, and so does int8 without VNNI
NEAR_TIE = 0.5 + SAME_PROBABILITY  # below, another class may be as probable, and be first elsewhere
MOST_DIFFERENT = 0.1  # of the rows looked at


def refuse_others(
    rows: Rows, engine: Engine, output: Path, *, batch_size: int, labels: Sequence[str]
) -> None:
    """Make the first rows with a prediction again and compare; a picture that can't be read any more tells nothing.

    Args:
        rows: of the finished file.
        engine: open, with the model of this run.
        output: the file, for the error.
        batch_size: what a worker takes at once.
        labels: class names in output order; a file tells classes of one name not apart.

    Raises:
        OutputError: too many rows have another best class, or another probability of it.
    """
    places = places_of(labels)
    named = np.array([places[label] for label in labels], np.int64)
    good = rows.good()[:ROWS_LOOKED_AT]
    batches = [rows.inputs.chosen(good[i : i + batch_size]) for i in range(0, len(good), batch_size)]
    looked_at = different = 0
    for number, outcome in enumerate(engine.map(map(Shard.of, batches))):
        start = number * batch_size
        still = [start + i for i in range(len(batches[number])) if i not in outcome.errors]
        then, now = rows.probabilities[still, 0].astype(np.float64), outcome.probabilities[:, 0]
        moved = np.abs(then - now) > SAME_PROBABILITY
        others = named[rows.best[still, 0]] != named[outcome.best[:, 0]]
        different += int((moved | (others & (then > NEAR_TIE))).sum())
        looked_at += len(still)
    if different > MOST_DIFFERENT * looked_at:
        raise OutputError(
            "it is finished already, by another model or with other options: "
            f"{different} of {looked_at} rows that were made again come out otherwise",
            where=output,
            remedy="choose another name, or use --force to make it again",
        )
