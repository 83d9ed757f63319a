"""The frame around every command: its arguments, its output, its errors and its exit status."""

import os
import sys
from pathlib import Path

from msg_stylegan.faults import REPORT, user_message
from msg_stylegan.output_streams import lasting_output


class UsageError(ValueError):
    """The command line cannot be understood."""


def run_command(build_parser, run, argv, *, interrupted, needs_arguments=True):
    """Parses the command line and does what it says.

    Args:
        build_parser: Function that returns an `argparse.ArgumentParser`.
        run: Function of the parsed arguments, see `job` of `exit_status`.
        argv: Arguments.
        interrupted: What to say after Ctrl-C.
        needs_arguments: Whether the command without arguments shows its help.

    Returns:
        Exit status, see `exit_status`.

    Raises:
        SystemExit: 0 after help, 2 after wrong usage.
    """

    def job():
        parser = build_parser()
        if needs_arguments and not argv:
            parser.print_help(sys.stderr)
            parser.exit(2)
        args = parser.parse_args(argv)
        for name, value in vars(args).items():
            setattr(args, name, expand_home(value))
        try:
            return run(args)
        except UsageError as error:
            parser.error(str(error))

    return exit_status(job, interrupted)


def exit_status(job, interrupted, *, output_is_result=True):
    """Does a job; an error that the user brought about becomes one line.

    Args:
        job: Function without arguments. It returns the messages of parts that failed; True if they
            were told already; or None.
        interrupted: What to say after Ctrl-C.
        output_is_result: Whether the job failed if standard output cannot be written, to a full
            disk for instance.

    Returns:
        Exit status: 0, 1 after an error, 2 after wrong usage, 130 after Ctrl-C.

    Raises:
        Exception: A fault of the program, after a line that says so.
    """
    with lasting_output() as loss:
        try:
            failures = job() or []
        except KeyboardInterrupt:
            print(interrupted, file=sys.stderr)
            return 130
        except UsageError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        except Exception as error:
            message = user_message(error)
            if message is None:
                print(REPORT, file=sys.stderr)
                raise
            failures = [message]
        for failure in failures if failures is not True else []:
            print(f"error: {failure}", file=sys.stderr)
        if output_is_result and (error := loss()):
            print(f"error: the output is incomplete: {error}", file=sys.stderr)
            return 1
        return 1 if failures else 0


def own_arguments():
    """Returns the arguments of the process, with names of files that were read as UTF-8.

    If they would be read otherwise, the process starts anew in Python's UTF-8 mode. What
    is stored of names would depend on the locale: files that belong together would be missed in
    another one. Letters that the terminal cannot show stay escaped.
    """
    if sys.getfilesystemencoding() != "utf-8":
        if sys.stdout is not None:
            os.environ.setdefault("PYTHONIOENCODING", f"{sys.stdout.encoding}:backslashreplace")
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
    return sys.argv[1:]


def expand_home(value):
    """Replaces a `~` at the start of a text or path, or of those in a list, by the home folder.

    The shell does it for words that begin with `~`, which `--option=~/folder` does not, and has no
    part in `config.py`. Anything else is returned as it is.
    """
    if isinstance(value, list):
        return [expand_home(item) for item in value]
    if isinstance(value, (str, Path)):
        # `Path.expanduser` fails on names such as "~$report" instead of leaving them.
        return type(value)(os.path.expanduser(value))  # noqa: PTH111
    return value
