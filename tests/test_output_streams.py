"""Output that cannot be written ends no work; and what Python says on closed pipes."""

import os
import subprocess
import sys

import pytest
from support.checkout import ROOT

from msg_stylegan.output_streams import lasting_output

# Says something, works, and says something again.
PROGRAM = """
import sys
from pathlib import Path
from msg_stylegan.command_line import exit_status

def job():
    for number in range(3):
        print("süß 漢", "-" * 10_000)
        print("Ärger", file=sys.stderr)
        Path("work").write_text(str(number))

sys.exit(exit_status(job, "Interrupted.", output_is_result=sys.argv[1:] == ["result"]))
"""


def run(tmp_path, *arguments, redirections="", **environment):
    """Runs the program in a shell; returns what came out, and checks that it did its work."""
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    words = f"'{sys.executable}' program.py {' '.join(arguments)} {redirections}"
    if "}" in words:
        words = "{ " + words
    done = subprocess.run(
        ["sh", "-c", words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert (tmp_path / "work").read_text() == "2"
    return done


def test_letters_that_cannot_be_shown_are_escaped(tmp_path):
    done = run(tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "s\\xfc\\xdf \\u6f22" in done.stdout
    assert "\\xc4rger" in done.stderr


def test_a_locale_without_letters(tmp_path):
    done = run(tmp_path, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert done.returncode == 0
    assert done.stderr.count("\\xc4rger") == 3


@pytest.mark.parametrize("kind", ["log", "result"])
def test_a_reader_that_goes_away_changes_nothing(tmp_path, kind):
    # `true` ends at once and reads nothing; the pipe holds less than is said.
    done = run(tmp_path, kind, redirections="2>errors; echo $? >status; } | true")
    assert done.stderr == ""
    assert (tmp_path / "status").read_text() == "0\n"
    assert (tmp_path / "errors").read_text(encoding="utf-8") == 3 * "Ärger\n"


@pytest.mark.parametrize("redirections", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("kind", ["log", "result"])
def test_closed_streams(tmp_path, redirections, kind):
    done = run(tmp_path, kind, redirections=redirections)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert ("Ärger" in done.stderr) == ("2>&-" not in redirections)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux")  # noqa: PTH110
@pytest.mark.parametrize("kind, status", [("log", 0), ("result", 1)])
def test_a_full_disk_under_the_output(tmp_path, kind, status):
    done = run(tmp_path, kind, redirections=">/dev/full")
    assert done.returncode == status
    assert ("error: the output is incomplete: " in done.stderr) == (status == 1)
    assert "Traceback" not in done.stderr
    assert run(tmp_path, kind, redirections=">/dev/full 2>/dev/full").returncode == status


def test_the_streams_of_the_caller_come_back(capsys):
    before = sys.stdout, sys.stderr
    with pytest.raises(KeyError), lasting_output():
        print("said")
        raise KeyError
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr().out == "said\n"
