"""The search itself: what to try next, what to give up early, the file that remembers."""

import contextlib
import importlib.util
import json
import sqlite3
import warnings
from pathlib import Path
from typing import Any

from toolkit.errors import InputError, MissingDependency, UsageError
from toolkit.files import make_folder
from toolkit.ranges import MOST_SEED
from toolkit.tune.result import COMPLETE, FAILED, PRUNED, Trial

STUDY = "study.sqlite3"
NAME = "toolkit tune"
STARTUP_TRIALS = 5
"""Completed trials before any is given up, and tried at random before the sampler draws conclusions.

Source: Optuna's default of the median pruner; its sampler's is 10, halved for searches of twenty trials."""

DIGESTS = {
    "data_digest": "the pictures aren't those",
    "start_digest": "the model of --from isn't the one",
    "teacher_digest": "the model of --teacher isn't the one",
}
"""What of an identity nobody can read -> what to say where it differs."""

ANOTHER = "put a copy of it there, begin again with --force instead of --resume, or choose another folder"


def require_optuna(where: str) -> None:
    """Refuse to go on without the library.

    Raises:
        MissingDependency: it isn't installed.
    """
    if importlib.util.find_spec("optuna") is None:
        raise MissingDependency("optuna", extra="tune", where=where)


class Study:
    """An Optuna study that lives in a folder.

    Trials are proposed by a tree-structured Parzen estimator and given up by the median rule.

    Args:
        folder: where the file is.
        identity: what makes two searches the same; a resumed one must have been begun with it.
        seed: of the proposals.
        prune: give up trials early.

    Raises:
        UsageError: the search in the folder is another one.
        InputError: its file can't be read.

    Source: Bergstra et al., Algorithms for hyper-parameter optimization (2011); Akiba et al., arXiv:1907.10902; Golovin
        et al., Google Vizier (2017), section 3.5, for the median rule.
    """

    def __init__(self, folder: Path, identity: dict[str, Any], *, seed: int, prune: bool) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        file = folder / STUDY
        if file.is_file():
            _refuse_unusable(file)
        self._file = file
        self._made = [place for place in (folder, *folder.parents) if not place.exists()]
        make_folder(folder)
        self._optuna = optuna
        begun = 0
        try:
            self._storage = storage = _storage(optuna, file)
            if NAME in optuna.study.get_all_study_names(storage):
                begun = len(optuna.load_study(study_name=NAME, storage=storage, sampler=None).trials)
            self._study = optuna.create_study(
                study_name=NAME,
                storage=storage,
                direction="maximize",
                load_if_exists=True,
                # Proposals of a resumed search go on where they were, and don't begin again with the first ones.
                sampler=optuna.samplers.TPESampler(
                    seed=(seed + begun) % (MOST_SEED + 1), n_startup_trials=STARTUP_TRIALS
                ),
                pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS, n_warmup_steps=2)
                if prune
                else optuna.pruners.NopPruner(),
            )
        except Exception as error:  # SQLAlchemy's and Optuna's own trees, whose sentences are about SQL
            raise InputError(
                "it isn't the file of a search that this version of Optuna can go on with",
                where=file,
                remedy=ANOTHER,
            ) from error
        self._check(identity, file)

    def _check(self, identity: dict[str, Any], file: Path) -> None:
        known = self._study.user_attrs
        for key, value in identity.items():
            text = json.dumps(value)
            if known.get(key, text) != text:
                if key in DIGESTS:
                    raise UsageError(
                        f"{DIGESTS[key]} that the search was begun with",
                        where=file,
                        remedy=f"resume with the same {'pictures' if key == 'data_digest' else 'model'}, or choose"
                        " another folder",
                    )
                raise UsageError(
                    f"the search was begun with another {key.replace('_', ' ')}: {known[key]}, not {text}",
                    where=file,
                    remedy="resume with the same options, or choose another folder",
                )
            self._study.set_user_attr(key, text)

    @property
    def trials(self) -> tuple[Trial, ...]:
        """What was tried so far; a trial that was interrupted isn't among them."""
        return tuple(
            Trial(
                number=number,
                state=trial.user_attrs["state"],
                settings=dict(trial.params),
                val_accuracy=trial.user_attrs.get("val_accuracy"),
                epochs=int(trial.user_attrs.get("epochs", 0)),
                seconds=float(trial.user_attrs.get("seconds", 0.0)),
            )
            for number, trial in enumerate(self._finished(), start=1)
        )

    def _finished(self) -> list[Any]:
        return [trial for trial in self._study.trials if "state" in trial.user_attrs]

    def ask(self) -> Any:
        """Begin a trial: an `optuna.Trial`."""
        return self._study.ask()

    def tell(self, trial: Any, state: str, val_accuracy: float | None, epochs: int, seconds: float) -> None:
        """End a trial.

        Args:
            trial: what `ask` gave.
            state: complete, given up or failed.
            val_accuracy: see `Trial`.
            epochs: that it was trained for.
            seconds: that it took.
        """
        states = self._optuna.trial.TrialState
        for key, value in (
            ("val_accuracy", val_accuracy),
            ("epochs", epochs),
            ("seconds", seconds),
            ("state", state),
        ):
            trial.set_user_attr(key, value)
        found = {COMPLETE: states.COMPLETE, PRUNED: states.PRUNED, FAILED: states.FAIL}[state]
        self._study.tell(trial, val_accuracy if state == COMPLETE else None, state=found)

    def discard(self) -> None:
        """Remove the study, and the folders that were made for it where nothing else is in them."""
        self._storage.remove_session()
        self._storage.engine.dispose()  # Windows removes no file that is open
        self._file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            for folder in self._made:
                folder.rmdir()

    def importance(self) -> dict[str, float]:
        """Return the share of the differences that each setting explains; empty where too few trials tell.

        Source: Watanabe et al., arXiv:2304.10255 (PED-ANOVA), in Optuna.
        """
        importance = self._optuna.importance
        if sum(trial.state == COMPLETE for trial in self.trials) < STARTUP_TRIALS:
            return {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is marked experimental
            try:
                found = importance.get_param_importances(
                    self._study, evaluator=importance.PedAnovaImportanceEvaluator()
                )
            except (ValueError, RuntimeError):  # all trials alike
                return {}
        return {name: round(float(share), 4) for name, share in found.items()}


def _refuse_unusable(file: Path) -> None:
    """Look at all pages of a study's file, and whether it can be written, before anything is.

    Source: SQLite, PRAGMA quick_check.
    """
    try:
        with contextlib.closing(sqlite3.connect(file)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            connection.execute("BEGIN IMMEDIATE")  # the lock that a write takes, which the check does without
            connection.rollback()
    except sqlite3.OperationalError as error:  # locked by another process, or not to be read
        raise InputError(
            f"the search can't be opened: {error}",
            where=file,
            remedy="see to it that nothing else uses it, and that it can be read and written",
        ) from error
    except sqlite3.DatabaseError as error:
        raise _damaged(file) from error
    if found != "ok":
        raise _damaged(file)


def _damaged(file: Path) -> InputError:
    return InputError("the search's file is damaged", where=file, remedy=ANOTHER)


def _storage(optuna: Any, file: Path) -> Any:
    """Open a study's file.

    We connect to it ourselves: in an address a ? begins options, braces are filled in by Optuna, and what SQLAlchemy
    does with %23 depends on its version.
    """
    path = file.absolute()
    options = {"creator": lambda: sqlite3.connect(path, check_same_thread=False)}
    return optuna.storages.RDBStorage(f"sqlite:///{STUDY}", engine_kwargs=options)
