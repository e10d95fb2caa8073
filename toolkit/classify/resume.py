"""What an earlier run did already, interrupted or not, matched with the inputs of this one."""

from collections.abc import Generator

import numpy as np

from toolkit.classify.aside import blocks
from toolkit.classify.output import Output
from toolkit.classify.rows import Rows
from toolkit.classify.writers import Finished
from toolkit.images.feed import Feed
from toolkit.images.inputs import Inputs


class Earlier:
    """The rows of an earlier run.

    As long as this run has the same inputs in the same order, its rows stay where they are. From the first
    difference on, the file is written anew, and rows are found by what names them among those set aside.

    Args:
        output: resumed.
    """

    def __init__(self, output: Output) -> None:
        self.rows = 0
        """How many were used."""
        self.added = 0
        """Inputs that the earlier run hadn't seen, before the last that it had."""
        self._output = output

    @property
    def removed(self) -> int:
        """How many rows were of inputs that aren't there any more."""
        return self._output.aside.left

    def replay(self, feed: Feed) -> Generator[Rows]:
        """Give the rows that stay where they are.

        Args:
            feed: this run's inputs; read on as far as the rows go.
        """
        cut = 0
        behind: list[Finished] = []  # rows behind the last place where the file can be cut
        for block in blocks(self._output.finished()):
            inputs = feed.take(len(block)) or Inputs()
            keys = self._output.keys(inputs)
            same = next((i for i, (key, row) in enumerate(zip(keys, block, strict=False)) if key != row.key),
                        min(len(keys), len(block)))  # fmt: skip
            for row in block[:same]:
                behind.append(row)
                if row.end:
                    cut = row.end
                    behind.clear()
            if same:
                self.rows += same
                yield as_rows(inputs.part(0, same), block[:same])
            if same < len(block):
                feed.put_back(inputs.part(same, len(inputs)))
                self._output.begin_anew(self.rows - len(behind), cut, behind)
                return

    def known(self, inputs: Inputs) -> dict[int, Finished]:
        """Find the rows of inputs among those that stood elsewhere; each is used once."""
        aside = self._output.aside
        if not aside.left:
            return {}
        found = aside.take(self._output.keys(inputs))
        self.rows += len(found)
        self.added += len(inputs) - len(found) if aside.left else 0
        return found


def as_rows(inputs: Inputs, finished: list[Finished]) -> Rows:
    """Return rows that were read back as rows that were just made.

    Args:
        inputs: what they are about.
        finished: as many.
    """
    good = [row for row in finished if row.error is None]
    width = max((len(row.best) for row in good), default=1)
    return Rows(
        inputs,
        {i: row.error for i, row in enumerate(finished) if row.error is not None},
        np.array([row.best for row in good], np.int64).reshape(-1, width),
        np.array([row.probabilities for row in good], np.float32).reshape(-1, width),
    )
