import collections

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from toolkit.classify.result import MISTAKES_KEPT, SAMPLE_SIZE, Failed
from toolkit.classify.rows import Rows
from toolkit.classify.summary import Reservoir, Summary
from toolkit.images.inputs import Inputs

LABELS = ("cat", "dog", "owl")


def batch(rows: list[tuple[str | None, int, float] | None], start: int = 0) -> Rows:
    """Rows of (folder, class, probability); None is an error."""
    good = [row for row in rows if row is not None]
    best = np.array([[c, (c + 1) % 3, (c + 2) % 3] for _, c, _ in good], np.int64).reshape(-1, 3)
    values = np.array([[p, (1 - p) / 2, (1 - p) / 2] for _, _, p in good], np.float32).reshape(-1, 3)
    paths = [f"{start + i}.png" for i in range(len(rows))]
    inputs = Inputs(paths, paths, [None if row is None else row[0] for row in rows])
    return Rows(inputs, {i: "broken" for i, row in enumerate(rows) if row is None}, best, values)


ROW = st.one_of(
    st.none(),
    st.tuples(st.sampled_from([*LABELS, "elsewhere", None]), st.integers(0, 2), st.floats(0, 1, width=32)),
)


@given(batches=st.lists(st.lists(ROW, min_size=1, max_size=6), max_size=6))
def test_counts_are_those_of_the_rows_however_they_are_cut_into_batches(
    batches: list[list[tuple[str | None, int, float] | None]],
) -> None:
    summary = Summary(LABELS, with_truth=True, min_confidence=0.5)
    for rows in batches:
        summary.add(batch(rows, summary.inputs))
    rows = [row for part in batches for row in part]
    good = [row for row in rows if row is not None]
    known = [row for row in good if row[0] in LABELS]
    assert (summary.inputs, summary.errors) == (len(rows), rows.count(None))
    assert summary.class_counts.tolist() == [sum(c == k for _, c, _ in good) for k in range(3)]
    assert summary.confidence_counts.sum() == len(good)
    assert summary.uncertain == sum(p < 0.5 for _, _, p in good)
    assert summary.labelled == len(known)
    assert summary.correct == sum(LABELS[c] == folder for folder, c, _ in known)
    assert summary.confusion is not None
    pairs = collections.Counter((LABELS.index(str(folder)), c) for folder, c, _ in known)
    assert {pair: n for pair in np.ndindex(3, 3) if (n := int(summary.confusion[pair]))} == pairs
    assert [failed.index for failed in summary.failures] == [i for i, row in enumerate(rows) if row is None]
    assert [example.index for example in summary.examples()] == [i for i, row in enumerate(rows) if row]
    wrong = [
        (p, i)
        for i, row in enumerate(rows)
        if row and row[0] in LABELS and LABELS[row[1]] != row[0]
        for p in [row[2]]
    ]
    assert [example.index for example in summary.mistakes()] == [
        i for _, i in sorted(wrong, key=lambda pair: (-pair[0], pair[1]))
    ]


def test_the_confidence_histogram_has_twenty_bins_from_0_to_1() -> None:
    summary = Summary(LABELS, with_truth=False, min_confidence=None)
    summary.add(batch([(None, 0, 0.0), (None, 0, 0.049), (None, 0, 0.051), (None, 0, 0.999), (None, 0, 1.0)]))
    assert summary.confidence_counts.tolist() == [2, 1, *[0] * 17, 2]


def test_the_samples_are_bounded_and_the_same_every_time() -> None:
    def run() -> Summary:
        summary = Summary(LABELS, with_truth=True, min_confidence=None)
        for start in range(0, 3000, 50):
            rows = [("cat", 1, (start + i) / 3000) if i % 2 else None for i in range(50)]
            summary.add(batch(rows, start))
        return summary

    first, second = run(), run()
    assert (len(first.examples()), len(first.failures)) == (SAMPLE_SIZE, SAMPLE_SIZE)
    assert first.examples() == second.examples()
    assert [e.index for e in first.examples()] == sorted(e.index for e in first.examples())
    assert all(e.path == f"{e.index}.png" and e.correct is False for e in first.examples())
    assert [m.index for m in first.mistakes()] == list(range(2999, 2999 - 2 * MISTAKES_KEPT, -2))


def test_every_row_is_equally_likely_to_be_in_the_sample() -> None:
    hits = np.zeros(50)
    for seed in range(2000):
        reservoir: Reservoir[Failed] = Reservoir(10, seed)
        for start in range(0, 50, 7):  # in runs of any length
            for place in reservoir.wanted(min(7, 50 - start)):
                reservoir.put(Failed(start + place, "", ""))
        hits[[row.index for row in reservoir.rows()]] += 1
    # 2000 draws of probability 0.2: 400 expected, deviation 17.9
    assert np.abs(hits - 400).max() < 5 * 17.9


def test_a_model_of_very_many_classes_keeps_no_confusion_matrix() -> None:
    labels = [str(index) for index in range(5000)]
    assert Summary(labels, with_truth=True, min_confidence=None).confusion is None
