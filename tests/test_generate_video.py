import dataclasses
import json
import signal
import subprocess
import sys
import time

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence
from support.checkout import ROOT
from support.network_weights import randomize_zeros
from support.saved_pictures import pixels, text
from support.tiny_run import RESOLUTION, SMALL_D, SMALL_G, make_run

from msg_stylegan.commands import generate
from msg_stylegan.interface import Interface
from msg_stylegan.networks import build_networks, save_networks
from msg_stylegan.pictures.sheets import save_image
from msg_stylegan.projection import Projection, encode_points
from msg_stylegan.sampling.latent_paths import gaussian_loop, key_frame_path, slerp
from msg_stylegan.sampling.sampler import to_uint8, z_of_seeds


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    run_dir = make_run(folder, folder, snapshots=[0])
    make_run(folder / "conditional", folder, snapshots=[0], label_size=3, channels=3)
    for kimg, value in ((0, 10), (1200000, 250), (90, 130)):
        for scale, size in (("4x4", 12), ("16x16", 48)):
            gray = np.full((size, size, 1), value, np.uint8)
            save_image(gray, run_dir / scale / f"fakes{kimg:06d}.png")
        save_image(
            np.full((30, 50, 1), value, np.uint8), run_dir / f"all_scales/fakes{kimg:06d}.png"
        )
    return folder


def call(results, outdir, command, *arguments):
    if command != "timelapse":
        arguments = ("--network=1", *arguments)
    return generate.main([command, f"--result_dir={results}", f"--outdir={outdir}", *arguments])


def frames_of(folder):
    """Pixels of numbered frames, `[N, H, W]` or `[N, H, W, 3]`."""
    paths = sorted(folder.iterdir())
    assert [path.name for path in paths] == [f"frame{i:06d}.png" for i in range(len(paths))]
    return np.stack([pixels(path) for path in paths])


def read_mp4(path):
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
        return np.stack(frames), container.streams.video[0].average_rate, container.metadata


@pytest.mark.parametrize(("kind", "noise_mode"), [("", "const"), ("conditional", "none")])
def test_key_frames_are_the_images_of_the_seeds(results, tmp_path, kind, noise_mode):
    seeds = [3, 1, 7]
    options = ["--seeds=3,1,7", f"--noise_mode={noise_mode}"]
    path = ["--path=slerp", "--transition=3", "--format=frames"]
    assert call(results / kind, tmp_path, "interpolation", *options, *path) == 0
    assert call(results / kind, tmp_path / "images", "images", *options) == 0
    frames = frames_of(tmp_path / "interpolation")
    assert len(frames) == 9
    for i, seed in enumerate(seeds):
        image = pixels(tmp_path / "images" / f"seed{seed:04d}.png")
        np.testing.assert_array_equal(frames[3 * i], image)
        assert (frames[3 * i + 1] != image).any()


def test_a_walk_can_end_at_the_last_seed(results, tmp_path):
    options = ["--path=slerp", "--seeds=3,1", "--format=frames"]
    assert call(results, tmp_path / "a", "interpolation", "--transition=4", "--open", *options) == 0
    frames = frames_of(tmp_path / "a" / "interpolation")
    assert call(results, tmp_path / "b", "images", "--seeds=1") == 0
    assert len(frames) == 5
    np.testing.assert_array_equal(frames[-1], pixels(tmp_path / "b" / "seed0001.png"))
    seconds = ["--seconds=1.5", "--fps=4"]
    assert call(results, tmp_path / "c", "interpolation", *seconds, *options) == 0
    assert len(frames_of(tmp_path / "c" / "interpolation")) == 6


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Files of w: two projections, one with noise maps, and a walk of two."""
    folder = tmp_path_factory.mktemp("w")
    ws = np.random.default_rng(0).normal(size=(4, 6, 8)).astype(np.float32)
    Projection(ws[0], [], {}).save(folder / "a.npz")
    maps = [np.zeros((r, r), np.float32) for r in (4, 4, 8, 8, 16, 16)]
    Projection(ws[1], maps, {}).save(folder / "b.npz")
    (folder / "c.npz").write_bytes(encode_points(ws[2:], {}))
    for number, w in enumerate(ws):
        Projection(w, [], {}).save(folder / f"{number}.npz")
    return folder


@pytest.mark.slow
def test_a_walk_from_w_to_w_meets_their_images(results, found, tmp_path, capsys):
    files = [str(found / f"{name}.npz") for name in "abc"]
    options = ["--transition=3", "--open", "--format=frames", "--w", *files]
    assert call(results, tmp_path, "interpolation", *options) == 0
    assert f"{files[1]} holds noise maps, which a walk leaves out" in capsys.readouterr().err
    frames = frames_of(tmp_path / "interpolation")
    assert len(frames) == 10
    for number in range(4):
        assert call(results, tmp_path, "images", f"--w={found / f'{number}.npz'}") == 0
        np.testing.assert_array_equal(frames[3 * number], pixels(tmp_path / f"{number}.png"))
    facts = text(tmp_path / "interpolation" / "frame000000.png")
    assert (facts["w"], facts["frames"], facts["open"]) == ("a.npz,b.npz,c.npz", "10", "True")
    seconds = ["--seconds=1", "--fps=8", "--format=frames", f"--w={files[2]}"]
    assert call(results, tmp_path / "closed", "interpolation", *seconds) == 0
    assert len(frames_of(tmp_path / "closed" / "interpolation")) == 8


def test_what_is_no_walk_is_told_before_anything_is_written(results, found, tmp_path, capsys):
    np.savez(tmp_path / "other.npz", ws=np.zeros((6, 8)))
    other = Projection(np.zeros((2, 8), np.float32), [], {})
    other.save(tmp_path / "small.npz")
    one, walk = f"--w={found / 'a.npz'}", f"--w={found / 'c.npz'}"
    for arguments, message in (
        ([], "either --seeds or --w"),
        (["--seeds=1", walk], "either --seeds or --w"),
        ([walk, "--path=noise"], "--path is for --seeds"),
        ([walk, "--class=1"], "--class and --label go with --seeds"),
        ([walk, "--domain=both"], "--w belongs to one domain"),
        ([walk, "--truncation_psi=1"], "a w is drawn as it is"),
        ([walk, "--truncation_cutoff=8"], "a w is drawn as it is"),
        ([walk, "--points=3"], "--points is for --path loop and --path noise."),
        ([walk, "--smoothing=1"], "--smoothing is for --path loop."),
        ([walk, "--transition=3", "--seconds=2"], "--seconds is instead of --transition"),
        ([one], "at least two samples"),
        ([one, "--open", "--seconds=2"], "at least two samples"),
        (["--w", str(tmp_path / "small.npz"), one[4:]], "small.npz holds [2, 8] numbers"),
        ([f"--w={tmp_path / 'other.npz'}"], "other.npz is not a projection or a walk"),
        ([f"--w={tmp_path / 'none.npz'}"], "There is no file"),
    ):
        assert call(results, tmp_path / "out", "interpolation", *arguments) == 1
        assert message in capsys.readouterr().err
    assert call(results, tmp_path / "out", "images", one, "--truncation_cutoff=2") == 1
    assert "a w is drawn as it is" in capsys.readouterr().err
    assert call(results, tmp_path / "out", "images", walk) == 1
    assert "c.npz is not a projection of an image" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_loops_join_and_do_not_depend_on_their_neighbours(results, tmp_path):
    options = ["--points=4", "--transition=10", "--format=frames"]
    assert call(results, tmp_path / "two", "interpolation", "--seeds=5-6", *options) == 0
    assert call(results, tmp_path / "one", "interpolation", "--seeds=6", *options) == 0
    both = frames_of(tmp_path / "two" / "interpolation")
    one = frames_of(tmp_path / "one" / "interpolation")
    assert both.shape == (40, 16 + 6 + 16, 16) and one.shape == (40, 16, 16)
    np.testing.assert_array_equal(both[:, 22:], one)
    steps = np.abs(np.roll(one, -1, axis=0).astype(int) - one).mean(axis=(1, 2))
    assert 0 < steps[-1] <= 3 * np.median(steps)
    assert np.abs(one[20].astype(int) - one[0]).mean() > 2 * np.median(steps)


PATHS_OF_Z = {
    "loop": (["--seeds=3", "--points=2"], lambda: gaussian_loop(3, 8, 8, 4.0)),
    "slerp": (["--seeds=3,1"], lambda: key_frame_path(z_of_seeds([3, 1], 8), 4, slerp, True)),
}


@pytest.mark.parametrize("z_space", ["sphere", "uniform"])
@pytest.mark.parametrize("path", PATHS_OF_Z)
def test_walks_stay_where_the_network_expects_z(tmp_path, path, z_space):
    generator = dataclasses.replace(SMALL_G, z_space=z_space, normalize_z=False)
    nets = build_networks(generator, SMALL_D, Interface(RESOLUTION, 1, 0))
    randomize_zeros(nets.G_ema, 0)
    save_networks(nets, tmp_path / "nets.keras", {})
    seeds, expected_z = PATHS_OF_Z[path]
    options = [f"--path={path}", *seeds, "--transition=4", "--format=frames", "--truncation_psi=1"]
    network = [f"--network={tmp_path / 'nets.keras'}", f"--outdir={tmp_path}"]
    assert generate.main(["interpolation", *options, *network]) == 0
    z = nets.G_ema.place_z(expected_z())
    expected = to_uint8(nets.G_ema(z, noise_mode="const")[-1]).numpy()[..., 0]
    frames = frames_of(tmp_path / "interpolation")
    assert np.abs(frames.astype(int) - expected).max() <= 1


def test_only_the_noise_moves_on_the_path_noise(results, tmp_path):
    options = ["--path=noise", "--seeds=5", "--seconds=0.1", "--format=frames"]
    assert call(results, tmp_path, "interpolation", *options) == 0
    frames = frames_of(tmp_path / "interpolation")
    assert len(frames) == 3
    assert call(results, tmp_path, "images", "--seeds=5", "--noise_mode=random") == 0
    np.testing.assert_array_equal(frames[0], pixels(tmp_path / "seed0005.png"))
    assert (frames[1] != frames[0]).any() and (frames[1] != frames[2]).any()


def test_scales_are_shown_side_by_side(results, tmp_path):
    options = ["--seeds=5", "--points=1", "--transition=2", "--format=frames"]
    for scales, width in (("all", 3 * 32 + 4), ("alternate", 2 * 32 + 2), ("4", 8)):
        out = tmp_path / scales
        wanted = [f"--scales={scales}", "--zoom=2"]
        assert call(results, out, "interpolation", *wanted, *options) == 0
        frames = frames_of(out / "interpolation")
        assert frames.shape == (2, min(width, 32), width)
    tower = ["--layout=tower", "--scales=all"]
    assert call(results, tmp_path / "tower", "interpolation", *tower, *options) == 0
    assert frames_of(tmp_path / "tower" / "interpolation").shape == (2, 3 * 16 + 4, 16)


def test_video_files_hold_the_frames_and_their_facts(results, tmp_path):
    options = ["--path=slerp", "--seeds=3,1", "--transition=4", "--fps=20", "--zoom=4"]
    for kind in ("frames", "mp4", "gif"):
        assert call(results, tmp_path, "interpolation", f"--format={kind}", *options) == 0
    expected = frames_of(tmp_path / "interpolation")
    frames, rate, metadata = read_mp4(tmp_path / "interpolation.mp4")
    assert rate == 20 and frames.shape == expected.shape == (8, 64, 64)
    assert np.abs(frames.astype(int) - expected).mean() < 4
    facts = json.loads(metadata["comment"])
    assert facts["path"] == "slerp" and facts["seed"] == "3,1" and facts["truncation_psi"] == 0.7
    with Image.open(tmp_path / "interpolation.gif") as picture:
        assert json.loads(picture.info["comment"])["network"] == "network-snapshot-000000.keras"
        pages = [np.asarray(page.convert("L")) for page in ImageSequence.Iterator(picture)]
    assert np.abs(np.stack(pages).astype(int) - expected).max() <= 2


def test_ctrl_c_leaves_no_half_video(results, tmp_path):
    # The handler is set, because children of a background job of a shell ignore Ctrl-C.
    script = (
        "import signal, sys; from msg_stylegan.commands import generate; "
        "signal.signal(signal.SIGINT, signal.default_int_handler); "
        "sys.exit(generate.main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", script, "interpolation", "--network=1", "--seeds=1"]
    options = [f"--result_dir={results}", f"--outdir={tmp_path / 'out'}", "--seconds=9999"]
    process = subprocess.Popen(
        [*command, *options],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("out/.*")) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "Interrupted" in error
    assert list((tmp_path / "out").iterdir()) == []


def test_timelapse_shows_the_samples_in_the_order_of_training(results, tmp_path, capsys):
    assert call(results, tmp_path, "timelapse", "--run=1", "--fps=5") == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "timelapse.mp4")
    frames, rate, metadata = read_mp4(tmp_path / "timelapse.mp4")
    assert rate == 5 and frames.shape == (3, 30, 50)
    np.testing.assert_allclose(frames[:, 15, 25], [10, 130, 250], atol=3)
    assert json.loads(metadata["comment"])["run"] == "00001-tiny-1gpu"


def test_timelapse_of_one_scale(results, tmp_path):
    run = f"--run={results / '00001-tiny-1gpu'}"
    options = ["--scale=4", "--grid=2x1", "--zoom=3", "--format=frames"]
    assert call(results, tmp_path, "timelapse", run, *options) == 0
    frames = frames_of(tmp_path / "timelapse")
    assert frames.shape == (3, 12, 24)
    np.testing.assert_array_equal(frames[:, 0, 0], [10, 130, 250])


def test_timelapse_says_what_is_missing(results, tmp_path, capsys):
    for arguments, message in (
        (["--run=1", "--scale=8"], "Scales with pictures: 4x4, 16x16."),
        (["--run=7"], "There is no run '7'"),
        (["--run=1", "--grid=2x2"], "--grid needs --scale"),
    ):
        assert call(results, tmp_path / "out", "timelapse", *arguments) == 1
        assert message in capsys.readouterr().err
        assert not (tmp_path / "out").exists()


def test_timelapse_of_pictures_of_two_sizes_is_refused(results, tmp_path, capsys):
    run_dir = make_run(tmp_path, tmp_path, snapshots=[])
    for kimg, size in ((0, 8), (1, 16)):
        gray = np.zeros((size, size, 1), np.uint8)
        save_image(gray, run_dir / "4x4" / f"fakes{kimg:06d}.png")
    assert call(tmp_path, tmp_path / "out", "timelapse", "--run=1", "--scale=4") == 1
    assert "have 8x8" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []
    cut = ["--run=1", "--scale=4", "--grid=2x2", "--format=gif"]
    assert call(tmp_path, tmp_path / "out", "timelapse", *cut) == 0
