"""Register the commands, and turn every failure into one line and an exit code."""

import contextlib
import errno
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Sequence

import typer

from toolkit import __version__
from toolkit.cli.command import Command
from toolkit.cli.console import flush_stdout
from toolkit.cli.usage import usage_error
from toolkit.errors import (
    ExitCode,
    ReaderGone,
    ToolkitError,
    as_place,
    no_temporary_folder,
    one_line,
    too_little_memory,
)
from toolkit.files import output_error

COMMANDS = (
    "train",
    "tune",
    "evaluate",
    "export",
    "verify",
    "classify",
    "bench",
    "inspect",
    "models",
    "doctor",
    "demo",
)  # in the order in which a newcomer meets them

NO_PLACE = (errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST)
GONE = ToolkitError("the working folder was deleted", where=".", remedy="change into one that is there")
NO_HOME = ToolkitError(
    "the system knows no home folder of this user", where="HOME", remedy="set the variable to a folder"
)
LONGEST_NAME = 60  # characters that are shown of a name no file can have
TRACEBACK = "--traceback"
EPILOG = f"An error is one line; {TRACEBACK} shows where it came from."


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"toolkit {__version__}")
        raise typer.Exit


def build() -> typer.Typer:
    """Build the application with all its commands."""
    app = typer.Typer(
        name="toolkit",
        help="Edge inference toolkit for image classifiers: train in Keras, export to ONNX, run anywhere.",
        no_args_is_help=True,
        add_completion=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def root(
        version: bool = typer.Option(
            False, "--version", callback=_show_version, is_eager=True, help="Print the version and exit."
        ),
        traceback: bool = typer.Option(
            False, TRACEBACK, help="Show the whole trace of an error; may stand behind any command."
        ),
    ) -> None:
        pass

    for name in COMMANDS:
        module = importlib.import_module(f"toolkit.cli.{name}")
        app.command(name, epilog=EPILOG, cls=Command)(getattr(module, f"{name}_command"))
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command and return the exit code; nothing escapes but the code.

    Args:
        arguments: the command line without the program's name.
    """
    # Behind "--" stand names only, and a file may be called anything.
    end = arguments.index("--") if "--" in arguments else len(arguments)
    show_trace = TRACEBACK in arguments[:end]
    arguments = [a for a in arguments[:end] if a != TRACEBACK] + list(arguments[end:])
    _open_closed_streams()
    _speak_utf8()
    signals: list[str] = []
    try:
        code = _run(arguments, signals)
        flush_stdout()
    except ReaderGone as error:
        _silence_stdout()
        return int(error.exit_code)
    except ToolkitError as error:
        _drop_unwritable_output()
        _print_error(str(error), error if show_trace else None)
        return int(error.exit_code)
    except KeyboardInterrupt as error:
        how = signals[0] if signals else "Ctrl-C"
        _print_error(f"interrupted ({how}): what was finished is kept", error if show_trace else None)
        return int(ExitCode.INTERRUPTED)
    except OSError as error:
        # Jobs translate what happens to their files; without a file's name it is standard output.
        _silence_stdout()
        _print_error(_told(error), error if show_trace else None)
        return int(ExitCode.FAILED)
    except MemoryError as error:
        told = too_little_memory(error, " ".join(["toolkit", *arguments[:1]]))
        _print_error(str(told), error if show_trace else None)
        return int(told.exit_code)
    except Exception as error:  # noqa: BLE001 - the outermost boundary
        _print_error(_defect(error), error if show_trace else None)
        return int(ExitCode.FAILED)
    return code


def _run(arguments: list[str], signals: list[str]) -> int:
    def terminate(number: int, _: object) -> None:
        # A polite kill ends like Ctrl-C: what was done is kept and temporary files go away.
        signals.append(signal.Signals(number).name)
        raise KeyboardInterrupt

    with contextlib.suppress(ValueError):  # only the main thread may set it
        signal.signal(signal.SIGTERM, terminate)
    try:
        result = build()(args=arguments, prog_name="toolkit", standalone_mode=False)
    except typer.Exit as stop:
        return int(stop.exit_code)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except SystemExit as stop:
        # So the parser ends when nobody reads its help; anything else is the code of a user's module.
        gone = stop.__context__
        if isinstance(gone, OSError) and gone.errno == errno.EPIPE:
            raise output_error(gone, "standard output") from stop
        raise
    except Exception as error:
        if _is_of_an_interrupt(error):
            raise KeyboardInterrupt from error
        # pathlib's, asked for the completion
        if isinstance(error, RuntimeError) and "home directory" in str(error):
            raise NO_HOME from error
        # Whatever the parser raises knows how to format itself; everything else is not its business.
        if not hasattr(error, "format_message"):
            raise
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(error.format_message())
            return int(ExitCode.USAGE)
        raise usage_error(error, arguments, COMMANDS) from error
    if result == ExitCode.INTERRUPTED:  # what the parser makes of Ctrl-C, without a word
        raise KeyboardInterrupt
    return int(result) if isinstance(result, int) else int(ExitCode.OK)


def _is_of_an_interrupt(error: BaseException | None) -> bool:
    # Ctrl-C in the middle of an import: a library in C makes an ImportError of it, and who imports it yet another.
    while error is not None and not isinstance(error, KeyboardInterrupt):
        ours = isinstance(error, ToolkitError)  # a full disk where Ctrl-C's rows are kept is a full disk
        error = error.__cause__ or (None if ours else error.__context__)
    return error is not None


def _told(error: OSError) -> str:
    if error.filename is None:
        if error.errno == errno.ENOENT:  # so say Python's tempfile, and whoever asks for the working folder
            return str(no_temporary_folder() if _has_working_folder() else GONE)
        return str(output_error(error, "standard output"))
    if error.errno == errno.ENAMETOOLONG:  # whoever asks first whether a file is there trips over it
        return str(output_error(error, f"{str(error.filename)[:LONGEST_NAME]}…"))
    if error.errno in NO_PLACE:  # the parser writes a file of its own: the completion for a shell
        return str(output_error(error, error.filename))
    if error.errno in (errno.EACCES, errno.EPERM):  # whoever may not look into its folder
        return (
            f"permission denied ({as_place(error.filename)}): look at who owns it, and the folders above it"
        )
    return _defect(error)


def _has_working_folder() -> bool:
    try:
        os.getcwd()  # noqa: PTH109 - only whether there is one
    except OSError:
        return False
    return True


def _defect(error: Exception) -> str:
    detail = one_line(f"{type(error).__name__}: {error}")[:300]
    frame = traceback.extract_tb(error.__traceback__)[-1] if error.__traceback__ else None
    where = f"{os.path.basename(frame.filename)}:{frame.lineno}" if frame else "unknown place"  # noqa: PTH119
    return f"a defect of this tool: {detail} ({where}): run again with --traceback and report what it prints"


def _print_error(text: str, trace_of: BaseException | None) -> None:
    with contextlib.suppress(OSError, ValueError):
        if trace_of is not None:
            traceback.print_exception(trace_of, file=sys.stderr)
        print(f"error: {text}" if not text.startswith("error:") else text, file=sys.stderr)  # noqa: T201


def _open_closed_streams() -> None:
    # A caller may have closed them; what is written then goes nowhere, as the caller wished.
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123


def _speak_utf8() -> None:
    # Paths are UTF-8 whatever the locale says; bytes that aren't come out escaped instead of fatal.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")


def _drop_unwritable_output() -> None:
    # What standard output would not take (a full disk) must not fail a second time at exit.
    try:
        sys.stdout.flush()
    except OSError:
        _silence_stdout()


def _silence_stdout() -> None:
    # Python flushes standard output once more at exit and would print a second message about it.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
