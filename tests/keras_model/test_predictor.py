"""What a Keras model is computed with; a stand-in for TensorFlow tells, since it shows on a GPU only."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from toolkit.errors import ModelError
from toolkit.keras_model import predictor as predictor_module
from toolkit.keras_model.load import LoadedModel
from toolkit.keras_model.predictor import KerasPredictor
from toolkit.models.head import Head
from toolkit.preprocess.plan import Plan


class Precision:
    """TensorFlow's switch for TF32, on as it is by default."""

    on = True

    def tensor_float_32_execution_enabled(self) -> bool:
        return self.on

    def enable_tensor_float_32_execution(self, enabled: bool) -> None:
        self.on = enabled


def test_a_model_is_compared_in_whole_float32_and_a_training_beside_it_keeps_tf32(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    precision, seen = Precision(), []
    tf = SimpleNamespace(
        config=SimpleNamespace(experimental=precision),
        errors=SimpleNamespace(UnimplementedError=NotImplementedError),
        function=lambda f: f,
    )
    monkeypatch.setattr(predictor_module, "import_tensorflow", lambda _: tf)

    def computed(batch: np.ndarray) -> np.ndarray:
        seen.append(precision.on)
        if len(seen) > 1:
            raise ValueError("too much")
        return np.full((len(batch), 2), 0.5, np.float32)

    predictor = KerasPredictor(
        name="m",
        loaded=LoadedModel(
            model=SimpleNamespace(predict_on_batch=computed),
            path=Path("m"),
            labels=("a", "b"),
            record={},
            sha256="",
        ),
        plan=Plan(height=8, width=8),
        range_reason="",
        labels=("a", "b"),
        head=Head.PROBABILITIES,
    )
    pictures = np.zeros((3, 8, 8, 3), np.uint8)
    assert predictor.probabilities(pictures).shape == (3, 2)
    assert precision.on
    with pytest.raises(ModelError, match="too much"):
        predictor.probabilities(pictures)
    assert (precision.on, seen) == (True, [False, False])
