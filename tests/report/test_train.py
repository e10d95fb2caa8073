import pytest

from toolkit.report.train import curves, finding


def history(val_accuracy, val_loss):
    return [
        {"epoch": i + 1, "loss": 1.0, "accuracy": 0.5, "val_loss": loss, "val_accuracy": value}
        for i, (value, loss) in enumerate(zip(val_accuracy, val_loss, strict=True))
    ]


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (history([0.4, 0.6], [1, 0.9]), "Validation accuracy 0.600 after 2 epochs, its highest"),
        (history([0.5], [1]), "Validation accuracy 0.500 after 1 epoch, its highest"),
        (
            history([0.4, 0.7, 0.6], [1, 0.8, 0.9]),
            "Validation accuracy peaks at 0.700 in epoch 2 of 3; the validation loss rises after epoch 2",
        ),
        (history([0.4, 0.7, 0.6], [1, 0.9, 0.8]), "Validation accuracy peaks at 0.700 in epoch 2 of 3"),
        (history([None, None], [None, None]), "Training accuracy 0.500 after 2 epochs"),
        (history(["", ""], ["", ""]), "Training accuracy 0.500 after 2 epochs"),
        ([{"epoch": "2", "loss": "1.5", "accuracy": "0.25"}], "Training accuracy 0.250 after 2 epochs"),
    ],
)
def test_the_title_says_what_the_curves_show(rows, text):
    assert finding(rows) == text


def test_rows_as_they_stand_in_the_history_file_are_drawn(tmp_path):
    path = tmp_path / "curves.png"
    curves([{"epoch": "1", "loss": "2.3", "accuracy": "0.1", "val_loss": "", "val_accuracy": "nan"}], path)
    assert path.read_bytes().startswith(b"\x89PNG")
