"""MODEL argument -> session, card and preprocessing: the one place that knows what MODEL means."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import MissingRange, ModelError, UsageError
from toolkit.machine.features import SAFE_BITS, int8_sums_saturate
from toolkit.models.card import Card, from_metadata, read_labels
from toolkit.models.catalog import find_model
from toolkit.models.head import Head, are_probabilities, head_of, multi_label_notice, to_probabilities
from toolkit.models.matching import NAMES_KEY, Unnamed
from toolkit.observer import SILENT, Observer
from toolkit.preprocess import normalization
from toolkit.preprocess.plan import Plan
from toolkit.preprocess.transforms import Pixels, parse_resize
from toolkit.runtime.session import Session, open_session
from toolkit.runtime.signature import Signature
from toolkit.wording import count

PROBES = 2  # pictures of noise that a model is asked about, to see what it answers


@dataclass(frozen=True, kw_only=True)
class OpenModel:
    """A classifier that is ready to run.

    Args:
        name: how the user called it.
        session: the open ONNX Runtime session.
        card: what the file tells about itself.
        plan: how pictures become its input.
        labels: class names, one per output.
        head: what its output is.
    """

    name: str
    session: Session
    card: Card
    plan: Plan
    labels: tuple[str, ...]
    head: Head

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of its input, pixels."""
        return self.plan.height, self.plan.width

    @property
    def own_labels(self) -> tuple[str, ...]:
        """Class names that the file itself carries, whatever was given beside it; empty where it has none."""
        return self.card.labels

    @property
    def provider(self) -> str:
        """The execution provider obtained."""
        return self.session.provider

    def probabilities(self, batch_nhwc: Pixels) -> NDArray[np.float32]:
        """Compute class probabilities.

        Args:
            batch_nhwc: uint8 [N, height, width, 3], RGB, already at the model's size.

        Returns:
            float32 [N, classes].

        Raises:
            ModelError: the batch has another shape or type.
        """
        expected = (*self.input_size, 3)
        if not isinstance(batch_nhwc, np.ndarray):
            raise ModelError(
                f"a {type(batch_nhwc).__name__} is no batch of pictures",
                where=self.name,
                remedy=f"give a numpy array, uint8 [N, {expected[0]}, {expected[1]}, 3]",
            )
        if batch_nhwc.dtype != np.uint8 or batch_nhwc.ndim != 4 or batch_nhwc.shape[1:] != expected:
            raise ModelError(
                f"a batch of {batch_nhwc.dtype} {list(batch_nhwc.shape)} does not fit",
                where=self.name,
                remedy=f"give uint8 [N, {expected[0]}, {expected[1]}, 3]",
            )
        if len(batch_nhwc) == 0:
            return np.empty((0, len(self.labels)), np.float32)
        fixed = self.session.signature.batch
        if fixed is None:
            scores = self._scores(batch_nhwc)
        else:
            parts = [self._padded(batch_nhwc[i : i + fixed], fixed) for i in range(0, len(batch_nhwc), fixed)]
            scores = np.concatenate(parts)
        return to_probabilities(scores, self.head)

    def _scores(self, batch_nhwc: Pixels) -> NDArray[np.float32]:
        return self.session.run(self.plan.model_input(batch_nhwc)).astype(np.float32, copy=False)

    def _padded(self, part: Pixels, fixed: int) -> NDArray[np.float32]:
        missing = fixed - len(part)
        padded = np.concatenate([part, np.repeat(part[-1:], missing, axis=0)]) if missing else part
        return self._scores(padded)[: len(part)]


def open_model(
    argument: str,
    *,
    device: str = "auto",
    threads: int | None = None,
    provider_options: Sequence[str] = (),
    labels_file: Path | None = None,
    normalize: str | None = None,
    resize: str | None = None,
    spinning: bool = False,
    optimize: bool = True,
    output: str | None = None,
    observer: Observer = SILENT,
) -> OpenModel:
    """Open a MODEL argument.

    Args:
        argument: path of an .onnx file, or the name of a shipped model.
        device: auto, cpu, cuda or cuda:N.
        threads: intra-op threads; None means as many as `default_threads` says.
        provider_options: KEY=VALUE for the execution provider.
        labels_file: class names for a model that carries none.
        normalize: range that a model from elsewhere expects; None means as the file says.
        resize: how pictures are brought to size; None means as the file says, else stretch.
        spinning: see `open_session`.
        optimize: see `open_session`.
        output: name of the output with the classes, for a model that has several.
        observer: told which provider `auto` took, and what is unusual about the model.

    Raises:
        UsageError: an option has no such value, or contradicts the file.
        ModelError: the file is missing, broken, or not an image classifier.
        DeviceError: the provider that was asked for was not obtained.
        InputError: the labels file can't be read.
    """
    path = find_model(argument)
    session = open_session(
        path,
        device=device,
        threads=threads,
        provider_options=provider_options,
        spinning=spinning,
        optimize=optimize,
        output=output,
        observer=observer,
    )
    card = from_metadata(session.metadata, path)
    plan = _plan(session.signature, card, normalize, resize, path)
    names = card.labels if labels_file is None else read_labels(labels_file)
    head = _own_head(card) if card.toolkit_version else _foreign_head(session, plan)
    if told := multi_label_notice(path.name, head):
        observer.notice(told)
    if _saturates_here(card):
        observer.notice(
            f"{path.name} has 8-bit weights, and this processor has no dot product of bytes (VNNI): sums may be cut"
            " off; check it here with toolkit verify, or export its float32 model again"
        )
    if session.device == "cpu" and (card.precision == "fp16" or session.signature.dtype == "float16"):
        observer.notice(
            f"{path.name} has 16-bit numbers, and the CPU computes them in 32 bits: it gains no speed here over the"
            " fp32 export"
        )
    classes = head.classes or session.signature.classes
    labels = _labels(names, classes, path if labels_file is None else labels_file)
    if labels_file is None and NAMES_KEY not in card.extra and Unnamed.looks_like(labels):
        labels = Unnamed(labels)
    return OpenModel(name=argument, session=session, card=card, plan=plan, labels=labels, head=head)


def _plan(signature: Signature, card: Card, normalize: str | None, resize: str | None, path: Path) -> Plan:
    size = card.input_size or (signature.height, signature.width)
    if size[0] is None or size[1] is None:
        raise ModelError(
            "the size of its input isn't fixed", where=path, remedy="export it with a fixed height and width"
        )
    ours = bool(card.toolkit_version)
    if ours and normalize not in (None, normalization.NONE.name):
        raise UsageError(
            f"{path.name} normalises inside its graph", where="--normalize", remedy="leave the option out"
        )
    if signature.dtype == "uint8" and normalize not in (None, normalization.NONE.name):
        raise UsageError(
            f"{path.name} takes bytes from 0 to 255, which have no other range",
            where="--normalize",
            remedy="leave the option out",
        )
    if not ours and normalize is None and signature.dtype != "uint8":
        raise MissingRange(
            f"the file doesn't say what range its {signature.dtype} input has",
            where=path,
            remedy=f"add --normalize {normalization.CHOICES}",
        )
    return Plan(
        height=size[0],
        width=size[1],
        channels=signature.channels,
        layout=signature.layout,
        dtype=signature.dtype,
        normalization=normalization.NONE if normalize is None else normalization.parse(normalize),
        resize=parse_resize(resize or card.resize or "stretch"),
    )


def _labels(names: tuple[str, ...], classes: int | None, where: object) -> tuple[str, ...]:
    if not names:
        if classes is None:
            raise ModelError("neither its output nor its metadata says how many classes it has", where=where,
                             remedy="add --labels FILE")  # fmt: skip
        return Unnamed.of(classes)
    if classes is not None and len(names) != classes:
        raise ModelError(
            f"{count(len(names), 'label')} for {count(classes, 'class')}",
            where=where,
            remedy="give one label per class",
        )
    return names


def _saturates_here(card: Card) -> bool:
    """Tell whether this processor may cut off sums of an int8 file of ours that was made for a newer one."""
    is_narrow = card.precision != "int8" or card.extra.get("weight_bits") == str(SAFE_BITS)
    return not is_narrow and int8_sums_saturate()


def _own_head(card: Card) -> Head:
    """Tell what a file of ours gives: probabilities in any case, and it says whose."""
    return Head.MULTI_LABEL if card.extra.get("head") == Head.MULTI_LABEL else Head.PROBABILITIES


def _foreign_head(session: Session, plan: Plan) -> Head:
    """Find out what a file from elsewhere gives, from its graph and from its answers: its metadata can't tell."""
    signature = session.signature
    head = head_of(session.path, signature.output_name, signature.classes)
    if head is not Head.LOGITS or session.captures_graph:
        return head
    # A softmax may be written in other operators, or be followed by some: it shows in what comes out.
    return Head.PROBABILITIES if are_probabilities(answer_to_noise(session, plan)) else Head.LOGITS


def answer_to_noise(session: Session, plan: Plan) -> NDArray[np.float32]:
    """Run a model on pictures of noise, float32 [N, classes]: what kind of answer it gives."""
    shape = (session.signature.batch or PROBES, plan.height, plan.width, 3)
    pictures = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return session.run(plan.model_input(pictures)).astype(np.float32)
