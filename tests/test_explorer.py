"""What the explorer shows is what the commands draw; nothing here needs a browser or Gradio."""

import io
import shlex
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from support.tiny_pair import make_pair
from support.tiny_run import make_run

from msg_stylegan.commands import explore, generate
from msg_stylegan.explorer import html
from msg_stylegan.explorer.exhibit import Exhibit
from msg_stylegan.explorer.run_view import RunView
from msg_stylegan.explorer.search import Searches, StopButton
from msg_stylegan.explorer.visit import MAX_KEPT, Kept, Visit, caption_of
from msg_stylegan.explorer.walk_video import WalkVideo
from msg_stylegan.generation.sample import Between, Look, Sample, SeedPoint, WPoint
from msg_stylegan.generation.walk import Walk
from msg_stylegan.networks import build_networks, progan_options, save_networks
from msg_stylegan.pictures.sheets import encode_png
from msg_stylegan.projection.pyramid_loss import PyramidLoss


def open_exhibit(network, *options):
    return Exhibit(explore.build_parser().parse_args([f"--network={network}", *options]))


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return make_run(folder, folder, snapshots=(0, 1, 2), label_size=3, channels=3)


@pytest.fixture(scope="module")
def exhibit(run_dir):
    return open_exhibit(run_dir)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    path = tmp_path_factory.mktemp("pair") / "pair.keras"
    save_networks(make_pair(channels=(1, 3)), path, {})
    return open_exhibit(path)


def look(**changes):
    return Look(**{"truncation_psi": 0.7, **changes})


def between():
    ends = Sample(SeedPoint(1), look()), Sample(SeedPoint(2), look())
    return Sample(Between(*ends, 0.25), look())


SAMPLES = {
    "a seed": lambda view: Sample(SeedPoint(5), look(truncation_psi=-0.35, truncation_cutoff=3)),
    "a class": lambda view: Sample(SeedPoint(5, label_class="2"), look(noise_mode="none")),
    "noise": lambda view: Sample(SeedPoint(7), look(noise_mode="random", noise_seed=9)),
    "directions": lambda view: Sample(
        SeedPoint(0), look(), edits=view.edits([1.5, 0, -2.3, 0, 0, 0, 0, 0.1])
    ),
    "a mixture": lambda view: Sample(SeedPoint(3), look(), SeedPoint(4), (0, 1, 4)),
    "a point between": lambda view: between(),
    "noise of a point between": lambda view: Sample(
        between().point, look(noise_mode="random", noise_seed=0)
    ),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_command_that_is_shown_draws_the_same_file(exhibit, name, tmp_path, monkeypatch):
    (view,) = exhibit.views
    sample = SAMPLES[name](view)
    flat, projection = view.as_command(sample)
    shown = encode_png(view.images(sample)[-1], view.picture_facts(flat))
    monkeypatch.chdir(tmp_path)
    if not sample.is_of_seeds:
        (tmp_path / flat.point.name).write_bytes(projection.encode())
    for line in exhibit.commands(view, flat):
        arguments = shlex.split(line)
        assert generate.main(arguments[arguments.index("generate") + 1 :]) == 0
    (path,) = [path for path in (tmp_path / "out").glob("*.png") if "direction" not in path.name]
    assert path.read_bytes() == shown


def test_the_w_that_is_saved_draws_the_picture_whatever_it_was_made_of(exhibit, tmp_path):
    (view,) = exhibit.views
    sample = Sample(SeedPoint(3), look(), SeedPoint(4), (2, 3), view.edits([2.0]))
    path = tmp_path / "w.npz"
    path.write_bytes(view.as_command(sample)[1].encode())
    arguments = [f"--network={exhibit.path}", f"--w={path}", f"--outdir={tmp_path}"]
    assert generate.main(["images", *arguments]) == 0
    np.testing.assert_array_equal(Image.open(tmp_path / "w.png"), view.images(sample)[-1])


def test_ends_of_the_way_between_samples_are_these_samples(exhibit):
    (view,) = exhibit.views
    samples = [Sample(SeedPoint(seed), look()) for seed in (1, 2)]
    for position, end in enumerate(samples):
        drawn = view.images(Sample(Between(*samples, position), look()))
        for ours, theirs in zip(drawn, view.images(end), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    walk = Walk(samples, view.sampler, view.labels, transition=4, closed=False)
    assert len(walk) == 5
    for number, end in ((0, samples[0]), (4, samples[1])):
        np.testing.assert_array_equal(walk.images(number)[-1][0], view.images(end)[-1])


WALKS = {
    "closed": ({"transition": 4, "closed": True}, "a seed", "a class", "directions", "a mixture"),
    "open": ({"transition": 3, "closed": False}, "a point between", "a class"),
    # The noise of the first one stays, and is not that of its seed.
    "noise": ({"transition": 5, "closed": True}, "noise", "a seed"),
}


@pytest.mark.parametrize("case", WALKS)
def test_the_command_of_a_video_draws_the_same_file(exhibit, case, tmp_path, monkeypatch):
    (view,) = exhibit.views
    options, *names = WALKS[case]
    shown = WalkVideo(view, [SAMPLES[name](view) for name in names], **options)
    told = []
    data = shown.encode(lambda *progress: told.append(progress))
    count = len(names) * options["transition"] if options["closed"] else 4
    assert told == [(i, count) for i in range(count)]
    monkeypatch.chdir(tmp_path)
    (tmp_path / shown.w_name).write_bytes(shown.encode_points())
    drawn = draw(exhibit.command(view, "interpolation", shown.options()))
    frames = [frames_of(content) for content in (drawn.read_bytes(), data)]
    assert len(frames[0]) == count and frames[0][0].shape == (256, 256, 3)
    np.testing.assert_array_equal(*frames)
    assert drawn.read_bytes() == data


def frames_of(data):
    with av.open(io.BytesIO(data)) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])


def draw(line):
    """Runs a command that is shown; returns the video that it has written."""
    arguments = shlex.split(line)
    assert generate.main(arguments[arguments.index("generate") + 1 :]) == 0
    return Path("out", "interpolation.mp4")


def test_the_video_of_one_domain_of_a_pair_has_its_command(pair, tmp_path, monkeypatch):
    _, view = pair.views
    samples = [Sample(SeedPoint(seed), view.default_look) for seed in (1, 2)]
    shown = WalkVideo(view, samples, transition=3, closed=True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / shown.w_name).write_bytes(shown.encode_points())
    line = pair.command(view, "interpolation", shown.options())
    assert "--domain=b" in line
    assert draw(line).read_bytes() == shown.encode(lambda *_: None)


def test_nothing_is_compiled_again_when_a_control_moves(exhibit):
    (view,) = exhibit.views
    first = [Sample(SeedPoint(0), look(noise_mode=mode)) for mode in ("const", "random")]
    for sample in first:
        view.images(sample)
    counts = _counts(view)
    for name in ("a seed", "a class", "noise", "directions", "a mixture", "a point between"):
        sample = SAMPLES[name](view)
        if sample.look.noise_mode != "none":
            view.images(sample)
    assert _counts(view) == counts


def _counts(view):
    compiled = [view.sampler._to_w, *view.sampler._draw.values()]
    return [function.experimental_get_tracing_count() for function in compiled]


def test_snapshots_are_drawn_as_their_own_files_are(exhibit, run_dir):
    shown = RunView(run_dir, exhibit.views[0])
    assert shown.kimg == [0, 1, 2]
    sample = SAMPLES["noise"](exhibit.views[0])
    for number in (2, 0, 1, 2):
        (own,) = open_exhibit(shown.paths[number]).views
        for ours, theirs in zip(shown.images(sample, number), own.images(sample), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_the_run_is_known_by_what_was_named(exhibit, run_dir):
    assert exhibit.run_dir == run_dir and exhibit.path.name == "network-snapshot-000002.keras"
    assert exhibit.title == run_dir.name
    lone = open_exhibit(exhibit.path, "--title=Mine")
    assert lone.run_dir is None and lone.title == "Mine"
    assert exhibit.summary == "16x16 colour · 3 scales · 3 classes · 2 kimg"


def test_both_domains_of_a_pair_have_the_image_of_a_seed(pair, tmp_path):
    sample = Sample(SeedPoint(3), pair.views[0].default_look)
    arguments = [f"--network={pair.path}", "--seeds=3", f"--outdir={tmp_path}", "--domain=both"]
    assert generate.main(["images", *arguments]) == 0
    for view in pair.views:
        drawn = view.images(sample)[-1]
        stored = np.asarray(Image.open(tmp_path / f"seed0003_{view.name}.png"))
        np.testing.assert_array_equal(stored.reshape(drawn.shape), drawn)
        assert f"--domain={view.name}" in pair.commands(view, sample)[-1]
    assert sample.follows_from_z and not SAMPLES["directions"](pair.views[0]).follows_from_z


def test_a_network_without_w_is_shown(tmp_path):
    path = tmp_path / "progan.keras"
    save_networks(build_networks(*progan_options(depth=4, latent_size=8)), path, {})
    (view,) = open_exhibit(path).views
    for sample in (Sample(SeedPoint(0), view.default_look), between()):
        assert [len(image) for image in view.images(sample)] == [4, 8, 16, 32]
    assert view.default_look.truncation_psi == 1.0


def test_an_upload_is_found_and_the_search_can_be_stopped(exhibit, tmp_path):
    (view,) = exhibit.views
    path = tmp_path / "target.png"
    path.write_bytes(encode_png(view.images(Sample(SeedPoint(8), look()))[-1]))
    searches, stop = Searches(), StopButton()
    loss, losses = PyramidLoss(view.G, None), []
    for target, step, point in searches.run(view, path, "w", 60, stop):
        images = view.G.synthesis(point.values[None], noise_mode="const")
        losses.append(float(loss(images, loss.target_pyramid(target[None]))[0]))
        if step == 20:
            stop.press()
    assert step == 20 and losses == sorted(losses, reverse=True) and losses[-1] < losses[0]
    # The next visitor's search begins anew.
    assert next(searches.run(view, path, "w", 60, StopButton()))[1] == 0


@pytest.mark.parametrize("kind", ["text", "bomb"])
def test_uploads_that_are_no_pictures_or_too_large_are_refused(exhibit, tmp_path, kind):
    path = tmp_path / "upload.png"
    if kind == "text":
        path.write_text("<html>")
    else:
        buffer = io.BytesIO()
        Image.new("1", (10_000, 6_000)).save(buffer, "PNG")
        path.write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match="cannot be used"):
        next(Searches().run(exhibit.views[0], path, "w", 10, StopButton()))


def test_a_pair_is_searched_for_a_z_which_both_domains_draw(pair, tmp_path):
    a, b = pair.views
    path = tmp_path / "target.png"
    path.write_bytes(encode_png(a.images(Sample(SeedPoint(1), a.default_look))[-1]))
    *_, (_, _, point) = Searches().run(a, path, "z", 3, StopButton())
    sample = Sample(point, a.default_look)
    assert sample.follows_from_z
    # A w belongs to one domain: the other one maps the z anew.
    ws = b.sampler.map(point.z[None])
    expected = b.sampler.draw(ws, "const", 0)[-1][0]
    np.testing.assert_array_equal(b.images(sample)[-1], expected)


def test_a_visit_is_not_changed_by_what_follows():
    sample = Sample(SeedPoint(1), look())
    kept = Kept(sample, np.zeros((4, 4, 1), np.uint8), caption_of(sample))
    first = Visit()
    second = first.keeping(kept)
    assert first.kept == () and len(second.kept) == 1
    assert second.between(0).position == 0
    with pytest.raises(ValueError, match="Keep samples first"):
        first.between(0)
    for _ in range(MAX_KEPT - 1):
        second = second.keeping(kept)
    with pytest.raises(ValueError, match="12 samples are kept already"):
        second.keeping(kept)


def test_names_from_files_are_no_html():
    name = "<img src=x onerror=alert(1)>"
    image = np.zeros((4, 4, 3), np.uint8)
    for part in (
        html.stage([image], name, file_name=name, caption=name),
        html.tiles([image], [name], "grid"),
        html.saving([name], name, b"", name),
        html.video(b"", "a.mp4", name, name, b""),
        html.heading(name, name),
    ):
        assert "<img src=x" not in part


def test_a_w_of_another_network_is_refused(exhibit):
    point = WPoint(np.zeros((2, 8), np.float32), "w.npz")
    with pytest.raises(ValueError, match="projection by another network"):
        exhibit.views[0].images(Sample(point, look()))


def test_directions_of_a_file_have_its_name(exhibit, run_dir, tmp_path):
    arguments = [f"--network={run_dir}", "--seeds=0", f"--outdir={tmp_path}", "--count=1"]
    assert generate.main(["directions", *arguments]) == 0
    path = tmp_path / "directions.json"
    (view,) = open_exhibit(run_dir, f"--directions={path}").views
    assert [name for _, name in view.directions] == [f"{path}:{i}" for i in range(8)]
    found, read = (
        one.images(Sample(SeedPoint(0), look(), edits=one.edits([2.0])))
        for one in (exhibit.views[0], view)
    )
    np.testing.assert_array_equal(found[-1], read[-1])


@pytest.mark.parametrize("option", ["--share=maybe", "--port=0", "--port=65536", "--network"])
def test_wrong_options_are_told(option):
    with pytest.raises(SystemExit):
        explore.build_parser().parse_args([f"--network={option}", option])
