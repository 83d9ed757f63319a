"""Training that starts from trained networks, from the command line and by itself."""

import json

import numpy as np
import pytest
from support import tflib_writer
from support.network_weights import assert_equal_networks
from support.networks_to_transfer import images_of
from support.original_recording import RecordedArrays, assert_close, to_nchw
from support.pickled_networks import SETTINGS, make_trio, nvidia_trio, trio
from support.slow_cases import first_is_fast
from support.stored_data_sets import random_images, write_records
from support.tiny_run import make_dataset
from support.tiny_training import make_tiny_dataset, tiny_config, train_tiny

from msg_stylegan.commands import model_card, train, train_arguments, train_report
from msg_stylegan.networks import load_snapshot, snapshots_of_run
from msg_stylegan.networks.named_variables import named_variables
from msg_stylegan.options import changed, from_dict, to_dict, validate
from msg_stylegan.training.run_directory import create_run_directory


@pytest.fixture
def trained(tmp_path):
    """Options, data set and snapshot of a training of a few steps."""
    dataset = make_tiny_dataset(tmp_path)
    config = tiny_config(tmp_path, total_kimg=0.032)
    run_dir = train_tiny(config, dataset)
    return config, dataset, snapshots_of_run(run_dir)[-1]


def test_a_training_begins_as_the_file_draws(trained, tmp_path):
    config, dataset, snapshot = trained
    config = changed(config, {"transfer.init_from": str(snapshot), "seed": 5})
    run_dir = train_tiny(config, dataset)
    first = load_snapshot(snapshots_of_run(run_dir)[0])
    assert_equal_networks(first, load_snapshot(snapshot))
    assert first.info["cur_nimg"] == 0
    origin = first.info["init_from"]
    assert origin["file"] == snapshot.name and origin["cur_nimg"] == 32
    assert origin["networks"]["G"]["fresh"] == {}
    assert json.loads((run_dir / "init_from.json").read_text()) == origin
    card = tmp_path / "card"
    assert model_card.main([f"--run={run_dir}", f"--output={card}"]) == 0
    text = (card / "README.md").read_text(encoding="utf-8")
    assert f"| started from | {snapshot.name} of 0.032 kimg on {dataset.name}, SHA-256" in text
    # Continued, the run remembers, and needs the file no more.
    snapshot.unlink()
    train_tiny(changed(config, {"schedule.total_kimg": 0.064}), dataset, run_dir)
    last = load_snapshot(snapshots_of_run(run_dir)[-1])
    assert last.info["cur_nimg"] == 64 and last.info["init_from"] == origin


def test_frozen_weights_stay_as_they_are_to_the_last_bit(trained):
    config, dataset, snapshot = trained
    frozen = {"transfer.freeze_D": 2, "transfer.freeze_mapping": True, "seed": 5}
    config = changed(config, {"transfer.init_from": str(snapshot), **frozen})
    whole = train_tiny(changed(config, {"schedule.total_kimg": 0.064}), dataset)
    origin, trained_nets = load_snapshot(snapshot), load_snapshot(snapshots_of_run(whole)[-1])

    def stays(name):
        return name.startswith(("block_16x16/", "block_8x8/", "mapping/"))

    for kind, source in (("D", "D"), ("G", "G_ema"), ("G_ema", "G_ema")):
        before = named_variables(getattr(origin, source))
        after = named_variables(getattr(trained_nets, kind))
        assert any(map(stays, after))
        for name, variable in after.items():
            if stays(name):
                np.testing.assert_array_equal(variable, before[name], err_msg=name)
            elif name.endswith("kernel"):
                assert np.any(np.asarray(variable) != np.asarray(before[name])), name

    # Stopped and continued in the middle, it is the same training.
    parts = train_tiny(config, dataset)
    train_tiny(changed(config, {"schedule.total_kimg": 0.064}), dataset, parts)
    assert_equal_networks(load_snapshot(snapshots_of_run(parts)[-1]), trained_nets)


@pytest.mark.slow
def test_a_run_that_stopped_before_its_first_checkpoint_still_starts_from_the_file(trained):
    config, dataset, snapshot = trained
    config = changed(config, {"transfer.init_from": str(snapshot)})
    run_dir = train_tiny(config, dataset)
    expected = load_snapshot(snapshots_of_run(run_dir)[-1])
    for path in (*run_dir.glob("checkpoints/*"), *snapshots_of_run(run_dir)):
        path.unlink()
    train_tiny(config, dataset, run_dir)
    assert_equal_networks(load_snapshot(snapshots_of_run(run_dir)[-1]), expected)


def parse(*arguments):
    return train_arguments.parse_command_line([str(argument) for argument in arguments])


def test_options_of_the_networks_are_those_of_the_file(trained, tmp_path):
    config, _, snapshot = trained
    arguments = parse(
        "--config=digits",
        f"--init_from={snapshot}",
        "--config.generator.blur_filter=none",
        "--config.schedule.batch_size=4",
        f"--config.result_dir={tmp_path}",
    )
    ours = arguments.config
    assert ours.generator == changed(config, {"generator.blur_filter": ()}).generator
    assert ours.discriminator == config.discriminator
    assert ours.schedule.batch_size == 4 and ours.optimizer == config.optimizer
    assert ours.transfer.init_from == str(snapshot)
    notes = train_report.option_notes(arguments)
    assert f"Networks unlike those of {snapshot.name}:" in notes
    assert "generator.blur_filter: 1.0,2.0,1.0 → none" in notes
    assert "generator.z_dim: 8 (in the preset: 64)" in notes


def test_the_same_command_continues_what_it_began(trained, tmp_path):
    config, _, snapshot = trained
    stored = {"transfer.init_from": str(snapshot), "transfer.freeze_D": 1}
    run_dir = tmp_path / "again" / "00001-tiny-1gpu"
    create_run_directory(run_dir, to_dict(changed(config, stored)))

    def again(*arguments):
        return parse(
            "--resume=auto",
            f"--config.result_dir={run_dir.parent}",
            "--config.description=tiny",
            *arguments,
        )

    # Nothing has begun: another option may be right.
    assert again("--init_from=" + str(snapshot), "--config.transfer.freeze_D=2").run_dir is None
    (run_dir / "checkpoints").mkdir()
    (run_dir / "checkpoints" / "ckpt-0.index").touch()
    for form in ("--init_from=", "--config.transfer.init_from="):
        arguments = again(form + "latest")
        assert arguments.run_dir == run_dir
        assert arguments.config.transfer.init_from == str(snapshot)
        assert arguments.config.transfer.freeze_D == 1
    with pytest.raises(ValueError, match=r"transfer\.freeze_D: 1 in the run, 2 now"):
        again("--init_from=latest", "--config.transfer.freeze_D=2")


def test_a_run_is_found_by_its_number_and_stays_the_same_run(trained, tmp_path):
    config, _, snapshot = trained
    arguments = parse("--init_from=latest", f"--config.result_dir={config.result_dir}")
    assert arguments.config.transfer.init_from == str(snapshot)
    assert from_dict(json.loads((snapshot.parent / "training_options.json").read_text())) == config


@pytest.mark.parametrize("kind", first_is_fast(["original", "nvidia"]))
def test_published_files(tmp_path, kind, capsys):
    nets = make_trio(SETTINGS)
    records = trio(nets, SETTINGS) if kind == "original" else nvidia_trio(nets)
    tflib_writer.save(tmp_path / "network.pkl", records)
    make_dataset(tmp_path / "tiny", channels=3)
    command = [
        f"--init_from={tmp_path / 'network.pkl'}",
        f"--config.data_dir={tmp_path}",
        f"--config.result_dir={tmp_path / 'results'}",
        "--config.dataset.path=tiny",
        "--config.dataset.resolution=0",
        "--config.schedule.total_kimg=0.016",
        "--config.metrics.names=none",
        *(["--config.connect=all"] if kind == "nvidia" else []),
    ]
    assert train.main([*command, "--dry_run"]) == 0
    assert not (tmp_path / "results").exists()
    assert "G: " in capsys.readouterr().out
    assert train.main(command) == 0
    run_dir = tmp_path / "results" / "00001-digits-1gpu"
    first = load_snapshot(snapshots_of_run(run_dir)[0])
    np.testing.assert_array_equal(images_of(first)[-1], images_of(nets)[-1])
    assert first.info["init_from"]["source"]["files"][0]["name"] == "network.pkl"
    assert bool(first.info["init_from"]["networks"]["G"]["fresh"]) == (kind == "nvidia")


@pytest.mark.parametrize(
    "options, problem",
    [
        ({"transfer.freeze_D": 1}, "needs transfer.init_from"),
        ({"transfer.freeze_mapping": True}, "needs transfer.init_from"),
        ({"transfer.init_from": "a", "transfer.freeze_D": 3}, "the number of blocks at 16x16"),
        (
            {
                "transfer.init_from": "a",
                "transfer.freeze_mapping": True,
                "generator.mapping_layers": 0,
            },
            "no mapping network",
        ),
        (
            {
                "transfer.init_from": "a",
                "transfer.freeze_mapping": True,
                "generator.body": "scogan",
            },
            "no mapping network",
        ),
        ({"schedule.ema_decay": 0.9, "schedule.ema_rampup": 0.05}, "has no half-life"),
    ],
)
def test_what_cannot_be(tmp_path, options, problem):
    config = changed(tiny_config(tmp_path), {"dataset.resolution": 16, **options})
    with pytest.raises(ValueError, match=problem):
        validate(config)


def test_a_run_is_not_continued_with_other_frozen_weights(trained):
    _, _, snapshot = trained
    with pytest.raises(ValueError, match="freeze_D"):
        parse(f"--resume={snapshot.parent}", "--config.transfer.freeze_D=1")


def test_nothing_is_left_of_a_run_that_cannot_begin(trained, tmp_path, capsys):
    _, dataset, snapshot = trained
    make_dataset(tmp_path / "other", channels=4 - dataset.num_channels)
    command = [
        f"--init_from={snapshot}",
        f"--config.data_dir={tmp_path}",
        f"--config.result_dir={tmp_path / 'runs'}",
        "--config.dataset.path=other",
        "--config.dataset.resolution=0",
        "--config.schedule.total_kimg=0.016",
        "--config.metrics.names=none",
    ]
    assert train.main([*command, "--config.transfer.freeze_D=2"]) == 1
    assert "Freeze only what the file has" in capsys.readouterr().err
    assert not list((tmp_path / "runs").iterdir())
    assert train.main(command) == 0
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["00001-digits-1gpu"]


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no snapshot .*nothing\.keras"):
        parse(f"--init_from={tmp_path / 'nothing.keras'}")


def test_published_files_of_bmsg(golden, tmp_path):
    write_records(tmp_path / "tiny", random_images())
    command = [
        f"--init_from={golden / 'bmsg_32_GAN_GEN.pth'}",
        f"--config.data_dir={tmp_path}",
        f"--config.result_dir={tmp_path / 'results'}",
        "--config.dataset.path=tiny",
        "--config.schedule.total_kimg=0.016",
        "--config.metrics.names=none",
    ]
    assert train.main(command) == 0
    first, last = (
        load_snapshot(path) for path in snapshots_of_run(tmp_path / "results" / "00001-digits-1gpu")
    )
    recording = RecordedArrays.read(golden / "bmsg_32.npz")
    z = recording["in/z"]
    for res, image in zip(first.G.resolutions, first.G(z), strict=True):
        assert_close(to_nchw(image), recording[f"out/G/images/{res}"], 1e-4)
    facts = first.info["init_from"]
    assert facts["file"] == "bmsg_32_GAN_GEN.pth"
    assert not any(match["fresh"] for match in facts["networks"].values())
    assert not np.array_equal(first.G(z)[-1], last.G(z)[-1])
