"""The command line of training."""

import json
import subprocess
import sys

import pytest
from support.checkout import ROOT

from msg_stylegan import options
from msg_stylegan.command_line import UsageError
from msg_stylegan.commands import train, train_arguments, train_report
from msg_stylegan.presets import PRESETS, get_preset


def parse(*arguments):
    return train_arguments.parse_command_line([*arguments])


def parsed_options(*arguments):
    return options.option_values(parse(*arguments).config)


@pytest.fixture
def make_run(tmp_path):
    """Makes the directory of a run with the given configuration."""

    def make(name, configuration):
        run_dir = tmp_path / name
        run_dir.mkdir()
        stored = json.dumps(options.to_dict(configuration))
        (run_dir / "training_options.json").write_text(stored, encoding="utf-8")
        return run_dir

    return make


def test_without_arguments_the_default_preset_is_trained():
    arguments = parse()
    assert arguments.config == get_preset("digits")
    assert arguments.run_dir is None
    assert not arguments.dry_run


@pytest.mark.parametrize("name", PRESETS)
def test_presets(name):
    assert parse(f"--config={name}").config == get_preset(name)
    assert parse("--config", name, "--dry_run").dry_run


@pytest.mark.parametrize(
    "arguments, name, value",
    [
        (["--config.loss.r1_gamma=5"], "loss.r1_gamma", 5.0),
        (["--config.loss.r1_gamma", "5e-1"], "loss.r1_gamma", 0.5),
        (["--config.schedule.batch_size=64"], "schedule.batch_size", 64),
        (["--config.dataset.mirror"], "dataset.mirror", True),
        (["--config.dataset.mirror=true"], "dataset.mirror", True),
        (["--config.generator.use_noise=false"], "generator.use_noise", False),
        (["--noconfig.generator.use_noise"], "generator.use_noise", False),
        (["--config.data_dir=/a b/c"], "data_dir", "/a b/c"),
        (["--config.description=none"], "description", "none"),
        (["--config.metrics.names=swd16k"], "metrics.names", ("swd16k",)),
        (["--config.metrics.names=swd16k,fid50k"], "metrics.names", ("swd16k", "fid50k")),
        (["--config.metrics.names=('a', 'b')"], "metrics.names", ("a", "b")),
        (["--config.metrics.names=none"], "metrics.names", ()),
        (["--config.metrics.names="], "metrics.names", ()),
        (["--config.generator.blur_filter=1,3,1"], "generator.blur_filter", (1.0, 3.0, 1.0)),
        (["--config.generator.blur_filter=(1, 3, 1)"], "generator.blur_filter", (1.0, 3.0, 1.0)),
        (["--config.generator.blur_filter=none"], "generator.blur_filter", ()),
    ],
)
def test_overrides(arguments, name, value):
    values = parsed_options("--config=ffhq1024", *arguments)
    expected = options.option_values(get_preset("ffhq1024")) | {name: value}
    assert repr(values) == repr(expected)
    assert parsed_options(*arguments)[name] == value


@pytest.mark.parametrize("name", [n for n in options.option_fields() if n != "preset"])
def test_the_form_that_help_shows_is_understood(name):
    """Every option can be set, to the value that `--help` prints for it."""
    lines = train.help_text().splitlines()
    (line,) = [line.strip() for line in lines if line.strip().startswith(f"--config.{name}=")]
    argument = line.rpartition("  (")[0]
    default = options.option_values(options.Config())[name]
    dataset_path = [] if name == "dataset.path" else ["--config.dataset.path=x"]
    if name == "dataset.path":
        # The one option whose default is not valid.
        with pytest.raises(ValueError, match=r"dataset\.path=''"):
            parse(argument)
    else:
        assert repr(parsed_options(*dataset_path, argument)[name]) == repr(default)


@pytest.mark.parametrize(
    "argument, message",
    [
        ("--config=ffhq", "--config=ffhq: unknown preset 'ffhq'. Did you mean ffhq512"),
        ("--config.loss.r1_gama=5", "Did you mean loss.r1_gamma"),
        ("--config.r1_gamma=5", "Did you mean loss.r1_gamma"),
        ("--config.loss=5", "unknown option --config.loss"),
        ("--config.preset=digits", "--config=PRESET"),
        ("--config.schedule.batch_size=3.5", "batch_size=3.5: expected a whole number"),
        ("--config.dataset.mirror=maybe", "mirror=maybe: expected true or false"),
        ("--config.loss.r1_gamma=a: b", "r1_gamma=a: expected a number"),
        ("--config.generator.blur_filter=1,x", "expected numbers separated by commas"),
        ("--config.loss.r1_gamma", "Missing value"),
        ("--resme=latest", "Did you mean: resume"),
        ("digits", "unexpected argument 'digits'"),
    ],
)
def test_usage_errors(argument, message, capsys):
    assert train.main([argument]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ")
    assert message in printed.err
    assert printed.out == ""


def test_an_override_before_its_preset_is_refused():
    with pytest.raises(UsageError, match="before"):
        parse("--config.loss.r1_gamma=5", "--config=digits")


def test_values_out_of_range_are_reported_together(capsys):
    arguments = ["--config.loss.r1_gamma=nan", "--config.schedule.tick_kimg=inf"]
    assert train.main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: the configuration has 2 problems")
    assert "loss.r1_gamma=nan" in error
    assert "schedule.tick_kimg=inf" in error


def test_a_resumed_run_brings_its_options(make_run, tmp_path):
    stored = options.changed(get_preset("cifar10"), {"loss.r1_gamma": 3.0})
    run_dir = make_run("00002-cifar10-1gpu", stored)
    make_run("00001-digits-1gpu", get_preset("digits"))
    place = f"--config.result_dir={tmp_path}"
    for name in ("latest", "2", str(run_dir)):
        arguments = parse(f"--resume={name}", place, "--config.schedule.total_kimg=7")
        assert arguments.run_dir == run_dir
        assert arguments.config.loss.r1_gamma == 3.0
        assert arguments.config.schedule.total_kimg == 7.0
        assert arguments.config.preset == "cifar10"
    # A preset that is named is compared, and changes nothing.
    for preset in (["--config=cifar10"], ["--config", "cifar10"], ["-config=cifar10"]):
        arguments = parse("--resume=2", *preset, "--config.seed=4", place)
        expected = options.option_values(stored) | {"result_dir": str(tmp_path), "seed": 4}
        assert options.option_values(arguments.config) == expected
        assert train_report.option_notes(arguments) == [
            "Options that change:",
            f"result_dir: results → {tmp_path}",
            "seed: 333 → 4",
            "Options of the run that are kept, unlike those of cifar10:",
            "loss.r1_gamma: 3.0 (in the preset: 10.0)",
        ]


def test_new_data_belongs_to_resume(make_run, tmp_path, capsys):
    make_run("00001-digits-1gpu", get_preset("digits"))
    assert parse("--resume=1", "--new_data", f"--config.result_dir={tmp_path}").new_data
    assert train.main(["--new_data"]) == 2
    assert "--new_data is for --resume" in capsys.readouterr().err


def test_resuming_with_other_networks_is_refused(make_run, tmp_path, capsys):
    make_run("00001-digits-1gpu", get_preset("digits"))
    arguments = ["--resume=latest", "--config=digits", f"--config.result_dir={tmp_path}"]
    arguments += ["--config.generator.z_dim=32", "--config.discriminator.mbstd_group_size=8"]
    assert train.main(arguments) == 1
    error = capsys.readouterr().err
    assert "generator.z_dim: 64 in the run, 32 now" in error
    assert "discriminator.mbstd_group_size: 4 in the run, 8 now" in error


def test_runs_that_cannot_be_resumed(make_run, tmp_path, capsys):
    place = f"--config.result_dir={tmp_path}"
    assert train.main(["--resume=latest", place]) == 1
    assert capsys.readouterr().err.startswith("error: There is no run")
    run_dir = make_run("00001-digits-1gpu", get_preset("digits"))
    for content in ("{", '{"los": {}}'):
        (run_dir / "training_options.json").write_text(content, encoding="utf-8")
        assert train.main(["--resume=latest", place]) == 1
        assert f"error: {run_dir / 'training_options.json'}" in capsys.readouterr().err


@pytest.mark.parametrize("argument, status", [("--help", 0), ("--config=ffhq", 2)])
def test_help_and_mistakes_do_not_wait_for_tensorflow(argument, status):
    command = (
        "import sys\nfrom msg_stylegan.commands import train\n"
        f"status = train.main([{argument!r}])\n"
        "assert 'tensorflow' not in sys.modules\n"
        "sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert ("usage: msg-stylegan train" in done.stdout) == (argument == "--help")
    assert all(len(line) <= 100 for line in done.stdout.splitlines())
