"""A recipe's defaults with the user's choices on top."""

import dataclasses
import difflib
from enum import StrEnum
from typing import Any

from toolkit.errors import UsageError
from toolkit.ranges import above_zero, at_least, share
from toolkit.train.options import Optimizer, TrainOptions
from toolkit.train.recipe import Recipe, Settings

LEARNING_RATES = {
    Optimizer.SGD: 0.01,
    Optimizer.MOMENTUM: 0.01,
    Optimizer.NESTEROV: 0.01,
    Optimizer.ADAGRAD: 0.01,
    Optimizer.ADAM: 0.001,
    Optimizer.ADAMW: 0.001,
}
"""Used when another optimiser than the recipe's is chosen without a learning rate.

Source: for SGD, Adam and AdamW the defaults of Keras 3; for AdaGrad the 0.01 of Duchi et al. (2011) as used in
most libraries, since Keras' 0.001 hardly moves in ten epochs."""

ADAMW_DECAY = 0.004
"""Weight decay of AdamW where the recipe has none. Source: the default of Keras 3."""

TEACHER_WEIGHT, TEMPERATURE = 0.9, 4.0
"""Used with a teacher where the recipe says nothing. Source: Hinton et al., arXiv:1503.02531 (most weight on the soft
targets), and Tian et al., arXiv:1910.10699, section 4 (0.9 and 4 for CIFAR)."""

SHARES = ("dropout", "warmup", "label_smoothing", "averaging", "momentum", "small_share")  # from 0 to below 1
CLOSED_SHARES = ("crop", "cutout", "jitter", "final_rate", "teacher_weight")  # from 0 to 1
POSITIVE = ("epochs", "batch_size", "learning_rate", "temperature", "head_rate")
TRUTH = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def settle(options: TrainOptions, recipe: Recipe) -> Settings:
    """Combine what the user asked for with what the recipe says.

    Raises:
        UsageError: a setting is unknown, out of range, or contradicts another.
    """
    defaults = recipe.defaults
    if recipe.build is None and not options.start_from:
        raise UsageError(
            f"the recipe {recipe.name} goes on from a trained model",
            where="RECIPE",
            remedy="add --from MODEL",
        )
    chosen: dict[str, Any] = parse_overrides(options.overrides)
    named = ("epochs", "batch_size", "optimizer", "learning_rate", "dropout", "augment", "patience")
    for name in named:
        value = getattr(options, name)
        if value is not None:
            if chosen.setdefault(name, value) != value:
                raise UsageError(
                    f"{name} is {value} here and {chosen[name]} in --set",
                    where=f"--{name.replace('_', '-')}",
                    remedy="say it once",
                )
            chosen[name] = value
    optimizer = chosen.get("optimizer", defaults.optimizer)
    if optimizer is not defaults.optimizer:
        chosen.setdefault("learning_rate", LEARNING_RATES[optimizer])
        if optimizer is Optimizer.ADAMW and not defaults.weight_decay:
            chosen.setdefault("weight_decay", ADAMW_DECAY)
    if options.teachers and not chosen.get("teacher_weight", defaults.teacher_weight):
        chosen.setdefault("teacher_weight", TEACHER_WEIGHT)
        chosen.setdefault("temperature", TEMPERATURE)
    if not options.teachers:
        # A recipe that was made to be taught can be trained without a teacher, on the labels alone.
        chosen.update(teacher_weight=0.0, views=0)
    settings = dataclasses.replace(defaults, **chosen)
    _check(settings, options)
    return settings


def parse_overrides(texts: tuple[str, ...]) -> dict[str, Any]:
    """Read NAME=VALUE pairs.

    Args:
        texts: such as "label_smoothing=0.1"; hyphens in the name count as underscores.

    Returns:
        Values of the settings' types, by name.

    Raises:
        UsageError: no such setting, or no such value.
    """
    fields = {field.name: field.type for field in dataclasses.fields(Settings)}
    chosen = {}
    for text in texts:
        name, _, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            hint = f"did you mean '{near[0]}'? " if near else ""
            raise UsageError(f"no setting '{name}'", where="--set", remedy=f"{hint}use {', '.join(fields)}")
        chosen[name] = _value(name, value.strip(), fields[name])
    return chosen


def _value(name: str, text: str, kind: Any) -> Any:
    try:
        if kind is bool:
            return TRUTH[text.lower()]
        return kind(text)
    except (KeyError, ValueError):
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            words = ", ".join(kind)
        else:
            words = {bool: "true or false", int: "a whole number"}.get(kind, "a number")
        raise UsageError(f"'{text}' is no value of {name}", where="--set", remedy=f"use {words}") from None


def _check(settings: Settings, options: TrainOptions) -> None:
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        where = f"setting {field.name}"
        if field.name in SHARES or field.name in CLOSED_SHARES:
            share(value, where, whole=field.name in CLOSED_SHARES)
        elif field.name in POSITIVE:
            above_zero(value, where)
        else:
            at_least(value, 0, where)
    if settings.head_epochs and not options.start_from:
        raise UsageError(
            "training the last layer first needs a trained model",
            where="setting head_epochs",
            remedy="add --from MODEL, or --set head_epochs=0",
        )
    if settings.patience and not options.validation_split:
        raise UsageError(
            "stopping early needs held-out pictures to judge by",
            where="setting patience",
            remedy="leave --validation-split 0 out, or add --patience 0",
        )
