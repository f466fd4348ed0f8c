"""The command line: parse, call one workflow, print, choose the exit code. Only here is anything printed."""

from __future__ import annotations

import os
import signal
import sys

from mqctl.cli.say import say
from mqctl.errors import ExitCode, MqctlError, UsageError

BY_SIGNAL = 128
"""What a shell adds to the number of the signal that ended a program."""
INTERRUPTED = BY_SIGNAL + signal.SIGINT
"""What it reports after Ctrl-C; not one of mqctl's own answers."""


def main() -> None:
    """Run mqctl; every way out of it is an exit code, never a traceback."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code; errors are told on stderr."""
    from mqctl.cli.main import build

    try:
        code = build()(args=arguments, standalone_mode=False)
    except MqctlError as error:
        tell(error)
        return int(error.exit_code)
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        return _reader_gone()
    except Exception as error:
        return _unexpected(error)
    # Typer makes a number of a Ctrl-C before it gets here.
    return _interrupted(code) if code and code > BY_SIGNAL else int(code or ExitCode.DONE)


def tell(error: MqctlError) -> None:
    """Print `error: …`, a blank line, `hint: …` on stderr."""
    say(f"error: {error.message}", err=True)
    if error.hint:
        say(f"\nhint: {error.hint}", err=True)


def _interrupted(code: int = INTERRUPTED) -> int:
    say("interrupted: the same command can be run again", err=True)
    return code


def _reader_gone() -> int:
    """The reader of our output left, as `mqctl … | head` does; nothing more can be said."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return int(ExitCode.DONE)


def _unexpected(error: Exception) -> int:
    """Tell a usage error in Typer's words, and anything else as the defect that it is."""
    from typer.exceptions import Abort, Exit, TyperException

    if isinstance(error, Abort):
        say("aborted", err=True)
        return int(ExitCode.REFUSED)
    if isinstance(error, Exit):
        return error.exit_code
    if isinstance(error, TyperException) and not _sentence(error):
        # A bare `mqctl` or `mqctl lab`: Typer has printed the help.
        return int(ExitCode.REFUSED)
    if isinstance(error, TyperException):
        tell(
            UsageError(
                _lowered(_sentence(error)), "mqctl --help, or mqctl COMMAND --help, lists what there is"
            )
        )
        return int(ExitCode.REFUSED)
    if os.environ.get("MQCTL_DEBUG"):
        raise error
    tell(
        MqctlError(
            f"mqctl itself failed: {type(error).__name__}", "MQCTL_DEBUG=1 shows where; please report it"
        )
    )
    return int(ExitCode.CANNOT_RUN)


def _sentence(error: Exception) -> str:
    """The message alone; Typer's own `show` would add its usage box."""
    format_message = getattr(error, "format_message", None)
    return str(format_message()) if format_message else str(error)


def _lowered(message: str) -> str:
    """Click's sentence in this project's form: lower case, no full stop."""
    return (message[:1].lower() + message[1:]).rstrip(".")
