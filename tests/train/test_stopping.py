from toolkit.train.run_folder import Epoch
from toolkit.train.stopping import Best, best_epoch, is_over


def history(*figures: tuple[float, float]) -> list[Epoch]:
    return [
        Epoch(epoch=i, loss=1, accuracy=0.5, val_loss=loss, val_accuracy=accuracy, seconds=1)
        for i, (accuracy, loss) in enumerate(figures, start=1)
    ]


def test_the_best_epoch_has_the_lowest_loss_and_of_equals_comes_first() -> None:
    assert best_epoch(history((0.5, 1.0), (0.9, 0.9), (0.7, 0.8), (0.8, 0.8))) == Best(3, False, 1)
    assert best_epoch(history((0.9, 1.0), (0.7, 0.9))) == Best(2, True, 0)


def test_a_run_is_over_after_as_many_epochs_without_a_better_one_as_its_patience() -> None:
    rows = history((0.5, 1.0), (0.7, 0.8), (0.6, 0.9), (0.6, 0.9))
    assert is_over(rows, 2)
    assert not is_over(rows, 3)
    assert not is_over(rows, 0)
    assert not is_over([], 1)


def test_a_validation_loss_that_is_not_a_number_is_never_the_best() -> None:
    nan = float("nan")
    assert best_epoch(history((0.1, nan), (0.5, 1.0))) == Best(2, True, 0)
    assert best_epoch(history((0.5, 1.0), (0.1, nan))) == Best(1, False, 1)
