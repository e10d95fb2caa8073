import re

import pytest

pytest.importorskip("plotext")

from toolkit.report.terminal_curves import terminal_curves


def history(epochs):
    return [
        {"epoch": i, "loss": 2 / i, "accuracy": 1 - 1 / i, "val_loss": None, "val_accuracy": 0.5}
        for i in range(1, epochs + 1)
    ]


@pytest.mark.parametrize("epochs", [1, 2, 300])
def test_two_plots_fit_the_terminal_and_name_what_they_show(epochs, monkeypatch):
    monkeypatch.setenv("COLUMNS", "72")
    text = terminal_curves(history(epochs), coloured=False)
    assert max(map(len, text.splitlines())) <= 72
    assert [w for w in ("loss, nats", "accuracy", "training", "validation") if w not in text] == []
    assert "\x1b" not in text


def test_colours_are_for_terminals_that_want_them():
    assert re.search(r"\x1b\[", terminal_curves(history(3), coloured=True))
