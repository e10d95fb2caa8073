"""The error tree and the exit codes.

    ToolkitError            1   what, where, what to do
    |- UsageError           2   a flag out of range, contradictory flags
    |  `- MissingRange
    |- InputError           1   a picture, data set or model file that isn't what it should be
    |  |- ImageError
    |  |- DataError
    |  |  `- MissingSplit
    |  `- ModelError
    |- ExportError          1   a step's before- or after-condition failed
    |  `- AgreementMissed   4   no int8 form agrees as --min-agreement asks
    |- TrainingError        1   training went wrong (a loss that is not a number)
    |- DeviceError          1   the execution provider that was asked for was not obtained
    |- OutputError          1   exists already, disk full, not writable
    |  `- ReaderGone       141   the reader of a pipe went away
    `- MissingDependency    1   names the extra to install

Foreign exceptions are translated in the module that calls the library, with the cause attached.
"""

import errno
import re
from enum import IntEnum

# Control characters, line and paragraph separators, halves of pairs, and what turns the direction of writing round.
STEERING = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


class ExitCode(IntEnum):
    """What the process tells its caller; fixed by the command-line contract."""

    OK = 0
    FAILED = 1
    USAGE = 2
    SOME_INPUTS_FAILED = 3
    GATE_NOT_MET = 4
    INTERRUPTED = 130
    READER_GONE = 141  # what a shell says of a program that SIGPIPE ended


def one_line(text: object) -> str:
    """Return `text` on one line: control characters escaped, runs of white space folded."""
    return printable(" ".join(str(text).split()))


def first_line(error: Exception) -> str:
    """Return the first line of what an error says; its class's name where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def as_place(where: object) -> str:
    """Return a file, flag or step on one line, as it has to be typed: its white space is kept.

    Control characters are escaped; a name that is blank, or begins or ends with a space, stands in quotes.
    """
    text = printable(where)
    return text if text and text == text.strip() else f"'{text}'"


def printable(text: object) -> str:
    """Return `text` as it can be shown, with control characters escaped, so that a name in it can't steer a terminal.

    Other spaces than " " and joiners stay (U+3000, U+202F, U+200D): names have them, and are typed with them.
    """
    return STEERING.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), str(text))


class ToolkitError(Exception):
    """A failure that a user can act on: what happened, where, and what to do.

    Args:
        what: the failure, in a few words, without a full stop.
        where: the file, flag or step at fault.
        remedy: what to do about it, in the imperative.

    Raises:
        ValueError: what happened or what to do is empty.
    """

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, what: str, *, where: object, remedy: str) -> None:
        self.what = one_line(what).rstrip(".")
        self.where = as_place(where)
        self.remedy = one_line(remedy)
        if not (self.what and self.remedy):
            raise ValueError(f"an error needs all its parts: {what!r}, {where!r}, {remedy!r}")
        super().__init__(self.what, self.where, self.remedy)

    def __str__(self) -> str:
        return f"{self.what} ({self.where}): {self.remedy}"

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders; the default would call __init__ with positional parts.
        return _rebuild, (type(self), self.what, self.where, self.remedy)


def _rebuild(cls: type[ToolkitError], what: str, where: str, remedy: str) -> ToolkitError:
    return cls(what, where=where, remedy=remedy)


class UsageError(ToolkitError):
    """A flag out of range, contradictory flags, a missing argument."""

    exit_code = ExitCode.USAGE


class MissingRange(UsageError):  # noqa: N818 - what it is, as MissingSplit
    """A model file doesn't say what range its input has, and no option does."""


class InputError(ToolkitError):
    """Something that was given to be read isn't what it should be."""


class ImageError(InputError):
    """A picture that can't be decoded; inside a batch it becomes a row, not an exception."""


class DataError(InputError):
    """A data set that is missing, broken or of the wrong shape."""


class MissingSplit(DataError):  # noqa: N818 - what it is, in the words of the contract
    """A data set doesn't have the split that was asked for."""


class ModelError(InputError):
    """A model file that is missing, broken, or not an image classifier."""


class ExportError(ToolkitError):
    """A step of the export failed its before- or after-condition; `where` names the step."""


class AgreementMissed(ExportError):  # noqa: N818 - a gate that the user set, not a fault
    """No form of a model agrees with its source as the user asked."""

    exit_code = ExitCode.GATE_NOT_MET


class TrainingError(ToolkitError):
    """Training can't go on, for instance because the loss is not a number."""


class DeviceError(ToolkitError):
    """The execution provider that was asked for was not obtained."""


class OutputError(ToolkitError):
    """An output exists already, its disk is full, or it can't be written."""


class ReaderGone(OutputError):  # noqa: N818 - nothing is wrong: `| head` has seen enough
    """Whoever read our output closed the pipe; every tool ends quietly then."""

    exit_code = ExitCode.READER_GONE


def too_little_memory(error: MemoryError, where: object) -> ToolkitError:
    """Return the error of an array that the memory has no room for.

    Args:
        error: what Python or numpy said; numpy's has the size.
        where: what was under way.
    """
    return ToolkitError(
        "not enough memory" + (f": {error}" if str(error) else ""),
        where=where,
        remedy="use a smaller model, smaller pictures or batches, or a machine that has more",
    )


def no_temporary_folder() -> ToolkitError:
    """Return the error of a system, as one that is mounted read-only, in which nothing temporary can be written."""
    return ToolkitError(
        "no folder for temporary files can be written to",
        where="TMPDIR",
        remedy="set the variable to a folder that can be",
    )


def no_temporary_file(error: OSError) -> ToolkitError:
    """Return the error of a temporary file that can't be made, written or read; what it was for is all right.

    Args:
        error: what the operating system, or Python's tempfile, said.
    """
    import tempfile  # costs every start more than it is worth

    if error.errno == errno.ENOENT:  # so says tempfile where it finds no folder
        return no_temporary_folder()
    return ToolkitError(
        f"a temporary file can't be written: {error.strerror or error}",
        where=tempfile.gettempdir(),
        remedy="free some space there, or set TMPDIR to a folder that has more",
    )


def install_extra(extra: str) -> str:
    """Return the command that installs an extra of this package.

    From the checkout: by its name an index could give another package, since this one isn't on any.
    """
    return f"pip install '.[{extra}]' in the checkout"


class MissingDependency(ToolkitError):  # noqa: N818 - the contract's word
    """A library of an extra isn't installed.

    Args:
        library: the import name that was not found.
        extra: the extra of this package that brings it.
    """

    def __init__(self, library: str, *, extra: str, where: object) -> None:
        super().__init__(
            f"{library} is not installed",
            where=where,
            remedy=f"install it with: {install_extra(extra)}",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (ToolkitError, self.what, self.where, self.remedy)
