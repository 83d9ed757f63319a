import numpy as np
import pytest
from support.flat_options import networks_of, progan_discriminator_options, progan_generator_options
from support.saved_pictures import pixels, text

from msg_stylegan.commands import generate
from msg_stylegan.generation.mixing import layers_of_rows
from msg_stylegan.networks import save_networks
from msg_stylegan.pictures.deviation_map import StandardDeviation, brightness
from msg_stylegan.pictures.sheets import shrink, uncurated_sheet


@pytest.fixture
def call(drawn_runs, tmp_path):
    """Runs a command; returns the pixels of its sheet, or for `images` a list of images."""

    def run(command, *arguments, network="1", result_dir=drawn_runs):
        outdir = tmp_path / f"{command}-{len(list(tmp_path.iterdir()))}"
        options = [f"--result_dir={result_dir}", f"--outdir={outdir}", f"--network={network}"]
        assert generate.main([command, *options, *arguments]) == 0
        if command == "images":
            return [pixels(path) for path in sorted(outdir.iterdir())]
        return pixels(outdir / f"{command}.png")

    return run


def cell(sheet, row, column, size=16, gap=2):
    """A picture of a table."""
    top, left = row * (size + gap), column * (size + gap)
    return sheet[top : top + size, left : left + size]


def test_mixing_all_layers_gives_the_column_and_none_the_row(call, drawn_runs):
    common = ["--truncation_psi=0.5", "--truncation_cutoff=6"]
    for result_dir in (drawn_runs, drawn_runs / "conditional"):
        sheet = call(
            "mixing", "--seeds=1-2", "--rows=3-4", "--layers=0-5", *common, result_dir=result_dir
        )
        assert sheet.shape[:2] == (3 * 18 - 2, 3 * 18 - 2)
        assert (cell(sheet, 0, 0) == 255).all()
        images = call("images", "--seeds=1-4", *common, result_dir=result_dir)
        for i in (1, 2):
            for row in range(3):
                np.testing.assert_array_equal(cell(sheet, row, i), images[i - 1])
            np.testing.assert_array_equal(cell(sheet, i, 0), images[i + 1])


def test_mixing_a_seed_with_itself_changes_nothing(call):
    sheet = call("mixing", "--seeds=5", "--rows=5-6", "--layers", "0-1", "2,4-5")
    np.testing.assert_array_equal(cell(sheet, 1, 1), cell(sheet, 1, 0))
    for other in (cell(sheet, 2, 0), cell(sheet, 0, 1)):
        assert (cell(sheet, 2, 1) != other).any()


def test_mixing_at_a_lower_scale(call):
    # The layers above a scale make no difference to it.
    sheet = call("mixing", "--seeds=1", "--rows=2", "--layers=2-5", "--scale=4", "--zoom=2")
    assert sheet.shape == (18, 18)
    np.testing.assert_array_equal(cell(sheet, 1, 1, size=8), cell(sheet, 1, 0, size=8))


@pytest.mark.parametrize(
    ("num_rows", "num_ws", "expected"),
    [
        (3, 18, [(0, 3), (4, 7), (8, 17)]),
        (6, 18, [(0, 3)] * 2 + [(4, 7)] * 2 + [(8, 17)] * 2),
        (1, 18, [(0, 3)]),
        (4, 6, [(0, 3)] * 2 + [(4, 5)] * 2),
        (2, 2, [(0, 1)] * 2),
    ],
)
def test_layers_by_default_are_coarse_middle_and_fine(num_rows, num_ws, expected):
    found = layers_of_rows(None, num_rows, num_ws)
    assert found == [list(range(first, last + 1)) for first, last in expected]


def test_impossible_layers_are_refused():
    with pytest.raises(ValueError, match="one vector for all its layers"):
        layers_of_rows(None, 2, 1)
    with pytest.raises(ValueError, match="the layers 0 to 5"):
        layers_of_rows([[0, 6]], 2, 6)
    with pytest.raises(ValueError, match="each of the 3 rows"):
        layers_of_rows([[0], [1]], 3, 6)


def test_noise_sheet_shows_the_images_of_random_noise_and_their_deviation(call):
    sheet = call("noise", "--seeds=7", "--shown=2", "--repeats=8")
    first, second, deviation = (cell(sheet, 0, column, gap=6) for column in range(3))
    (image,) = call("images", "--seeds=7", "--noise_mode=random")
    np.testing.assert_array_equal(first, image)
    assert (first != second).any()
    assert deviation.max() == 255


def test_noise_that_stays_or_is_absent_has_no_deviation(call):
    sheet = call("noise", "--seeds=7", "--shown=2", "--repeats=3", "--noise_mode=const")
    assert (cell(sheet, 0, 0, gap=6) == cell(sheet, 0, 1, gap=6)).all()
    assert (cell(sheet, 0, 2, gap=6) == 0).all()
    sheet = call("noise", "--seeds=7", "--shown=1", "--repeats=3", "--noise_scales=none")
    (image,) = call("images", "--seeds=7", "--noise_mode=none")
    np.testing.assert_array_equal(cell(sheet, 0, 0, gap=6), image)
    assert (cell(sheet, 0, 1, gap=6) == 0).all()


def test_noise_of_some_scales_leaves_lower_ones_alone(call):
    sheet = call(
        "noise", "--seeds=7-8", "--shown=1", "--repeats=4", "--scales=all", "--noise_scales",
        "all", "8-16", "4",
    )  # fmt: skip
    size, panel = 16, 3 * 18 - 2
    assert sheet.shape == (6 * 22 - 6, 2 * (panel + 6) - 6)
    maps = sheet[:, panel + 6 :]
    for row in range(6):
        of_scale = [
            maps[row * 22 : row * 22 + size, column * 18 : column * 18 + size].max() > 0
            for column in range(3)
        ]
        # Noise at 8x8 and above cannot reach the image at 4x4.
        assert of_scale == [row % 3 != 1, True, True]


def test_truncation_rows(call):
    sheet = call("truncation", "--seeds=1-3", "--psis=1,0,-0.5")
    assert sheet.shape == (3 * 18 - 2, 3 * 18 - 2)
    for column, image in enumerate(call("images", "--seeds=1-3", "--truncation_psi=1")):
        np.testing.assert_array_equal(cell(sheet, 0, column), image)
        np.testing.assert_array_equal(cell(sheet, 1, column), cell(sheet, 1, 0))
    (image,) = call("images", "--seeds=2", "--truncation_psi=-0.5", "--truncation_cutoff=6")
    np.testing.assert_array_equal(cell(sheet, 2, 1), image)


def test_truncation_of_some_layers(call):
    sheet = call("truncation", "--seeds=1-2", "--psis=0", "--truncation_cutoff=2")
    assert (cell(sheet, 0, 0) != cell(sheet, 0, 1)).any()


def test_sheets_tell_how_they_were_made(drawn_runs, tmp_path):
    def facts(command, *arguments):
        options = [
            f"--result_dir={drawn_runs}",
            f"--outdir={tmp_path}",
            "--network=1",
            "--seeds=1-2",
        ]
        assert generate.main([command, *options, *arguments]) == 0
        return text(tmp_path / f"{command}.png")

    found = facts("mixing", "--rows=8-9", "--layers", "0-2", "5")
    assert (found["seed"], found["rows"], found["layers"]) == ("1,2", "8,9", "0,1,2 5")
    assert len(found["network_sha256"]) == 16 and found["truncation_psi"] == "0.7"
    assert facts("truncation", "--psis=1,-0.5")["truncation_psi"] == "1,-0.5"
    found = facts("noise", "--repeats=2", "--shown=1", "--noise_scales", "none", "4-8")
    assert (found["noise_scales"], found["repeats"]) == ("none 4-8", "2")
    assert float(found["white_is_deviation"]) > 0
    assert facts("uncurated")["seed"] == "1,2"


def test_networks_of_one_latent_and_one_scale(tmp_path, capsys, call):
    options = progan_generator_options(4, 8), progan_discriminator_options(4, 8)
    nets = networks_of({**options[0], "connect": "none"}, options[1])
    network = str(tmp_path / "progan.keras")
    save_networks(nets, network, {})
    assert call("multiscale", "--seeds=0", network=network).shape == (32, 32, 3)
    # Without a mapping network nothing is truncated by default.
    (image,) = call("images", "--seeds=0", network=network)
    (full,) = call("images", "--seeds=0", "--truncation_psi=1", network=network)
    np.testing.assert_array_equal(image, full)
    for command, message in (
        (["mixing", "--rows=1"], "no styles to be mixed"),
        (["truncation"], "nothing to truncate"),
        (["images", "--scale=16"], "images of [32] pixels"),
    ):
        outdir = f"--outdir={tmp_path / 'out'}"
        assert generate.main([*command, "--seeds=0", outdir, f"--network={network}"]) == 1
        assert message in capsys.readouterr().err


def test_uncurated_sheet_starts_with_the_images_of_its_seeds(call):
    sheet = call("uncurated", "--seeds=3-6,9", "--zoom=2")
    # 16, 8 and two columns of 4 pixels; 11 images fill it.
    assert sheet.shape == (32, 2 * (16 + 8 + 4 + 4))
    first, second = call("images", "--seeds=3-4")
    np.testing.assert_array_equal(sheet[::2, :32:2], first)
    small = second.astype(float).reshape(8, 2, 8, 2).mean(axis=(1, 3))
    np.testing.assert_array_equal(sheet[:16:2, 32:48:2], np.rint(small))


@pytest.mark.parametrize(("count", "rows"), [(1, 1), (27, 1), (28, 2), (81, 3)])
def test_uncurated_sheet_holds_every_image_once(count, rows):
    images = np.arange(count, dtype=np.uint8)[:, None, None, None] + np.zeros((1, 64, 64, 3))
    sheet = uncurated_sheet(images.astype(np.uint8))
    assert sheet.shape == (64 * rows, 64 + 32 + 2 * 16 + 2 * 8, 3)
    assert set(np.unique(sheet)) - {255} == set(range(count))


def test_halving_is_the_mean():
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)
    np.testing.assert_array_equal(shrink(images, 1), images)
    expected = np.rint(images[1, 4:8, :4].reshape(16, 3).mean(axis=0))
    np.testing.assert_array_equal(shrink(images, 4)[1, 1, 0], expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_standard_deviation_is_that_of_numpy(channels):
    images = np.random.default_rng(0).integers(0, 256, (20, 5, 6, channels), np.uint8)
    deviation = StandardDeviation()
    for image in images:
        deviation.add(image)
    expected = images.std(axis=0).mean(axis=2, keepdims=True)
    np.testing.assert_allclose(deviation.result(), expected, rtol=1e-9)
    picture = brightness(deviation.result(), expected.max(), channels)
    assert picture.shape == (5, 6, channels) and picture.max() == 255


def test_classes_have_a_row_each_and_seeds_a_column_each(call, drawn_runs):
    conditional = drawn_runs / "conditional"
    sheet = call("classes", "--seeds=4,7", result_dir=conditional)
    assert sheet.shape == (3 * 16, 2 * 16, 3)
    for label in range(3):
        row = call("images", "--seeds=4,7", f"--class={label}", result_dir=conditional)
        found = sheet[16 * label : 16 * label + 16].reshape(16, 2, 16, 3).swapaxes(0, 1)
        np.testing.assert_array_equal(found, row)
