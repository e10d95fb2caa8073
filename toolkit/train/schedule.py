"""The learning rate of a step: a plain function of its number, set on the optimiser before the step.

A schedule class of Keras would be saved inside the model, and one of our own makes `load_model` fail wherever it
isn't registered. A number can't.
"""

import math

from toolkit.train.recipe import Schedule, Settings


def learning_rate(settings: Settings, step: int, steps_per_epoch: int) -> float:
    """Return the learning rate of a step.

    Args:
        settings: the schedule and its numbers.
        step: from 0, over the whole run.
        steps_per_epoch: batches of an epoch.

    Source: Smith and Topin, arXiv:1708.07120, for one cycle, linear up and linear down (triangular); Loshchilov and
        Hutter, arXiv:1608.03983, for the cosine; Goyal et al., arXiv:1706.02677, section 2.2, for the warm-up.
    """
    head_steps = settings.head_epochs * steps_per_epoch
    if step < head_steps:
        return settings.head_rate
    if settings.schedule is Schedule.CONSTANT:
        return settings.learning_rate
    total = max(1, settings.epochs * steps_per_epoch - head_steps)
    return settings.learning_rate * _share(settings, (step - head_steps) / total, 1 / total)


def _share(settings: Settings, progress: float, one_step: float) -> float:
    if progress < settings.warmup:
        return (progress + one_step) / (settings.warmup + one_step)
    rest = min(1.0, (progress - settings.warmup) / (1 - settings.warmup))
    left = (1 + math.cos(math.pi * rest)) / 2 if settings.schedule is Schedule.COSINE else 1 - rest
    return settings.final_rate + (1 - settings.final_rate) * left
