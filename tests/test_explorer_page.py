"""What the page draws of a pair whose domains differ. It needs Gradio, and no browser."""

import asyncio
import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from support.tiny_pair import make_pair_run

from msg_stylegan.commands import explore
from msg_stylegan.explorer.search import StopButton
from msg_stylegan.generation.sample import Between, Sample, SeedPoint, WPoint

gradio = pytest.importorskip("gradio", reason="the extra `explore` is not installed")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of a run of a pair: domain a has labels, b has none."""
    from msg_stylegan.explorer.app import Page

    run_dir = make_pair_run(tmp_path_factory.mktemp("run"), label_sizes=(3, 0), channels=(1, 3))
    args = explore.build_parser().parse_args([f"--network={run_dir}"])

    async def open_page():
        return Page(*explore.open_exhibit(args))

    # Without an event loop that runs, Gradio makes some and leaves them open.
    return asyncio.run(open_page())


@pytest.fixture
def values(page):
    """What the page sends before anything was touched."""
    return {one: one.value for one in page.blocks.blocks.values() if hasattr(one, "value")}


def large_pictures(stage):
    """The large picture of each domain that is shown, `[r, r]` or `[r, r, 3]`."""
    codes = re.findall(r'class="large"><img alt="[^"]*" src="data:image/png;base64,([^"]*)"', stage)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(code)))) for code in codes]


def assert_shows(stage, sample, *views):
    shown = large_pictures(stage)
    assert len(shown) == len(views)
    for picture, view in zip(shown, views, strict=True):
        expected = view.images(sample)[-1]
        np.testing.assert_array_equal(picture.reshape(expected.shape), expected)


def kept(page, values, point=None, **changes):
    """The values with one more kept sample."""
    changes = {getattr(page.controls, name): value for name, value in changes.items()}
    visit, *_ = page._keep_sample({**values, page._point: point, **changes})
    return {**values, page._visit: visit}


def found_z(view):
    """What a search for z ends with."""
    z, label = np.random.default_rng(0).normal(size=8).astype(np.float32), np.eye(3)[1]
    ws = view.sampler.map(z[None], label[None])
    return WPoint(ws[0], "projection.npz", z, label.astype(np.float32))


def test_what_was_found_by_z_is_drawn_in_a_domain_without_labels(page, values):
    a, b = page._exhibit.views
    sample = Sample(found_z(a), a.default_look)
    between = Sample(Between(sample, Sample(SeedPoint(1), a.default_look), 0.25), a.default_look)
    for one in (sample, between):
        found = {**values, page._point: one.point}
        assert_shows(page._draw(found)[1], one, a, b)
        assert_shows(page._take_domain({**found, page.controls.domain: "b"})[1], one, b, a)


def test_what_has_no_label_is_not_drawn_in_a_domain_with_labels(page, values):
    a, b = page._exhibit.views
    z = np.ones(8, np.float32)
    point = WPoint(b.sampler.map(z[None])[0], "projection.npz", z)
    sample = Sample(point, b.default_look)
    found = {**values, page._point: point, page.controls.domain: "b"}
    assert_shows(page._draw(found)[1], sample, b)
    between = Between(sample, sample, 0.5)
    assert_shows(page._draw({**found, page._point: between})[1], sample, b)
    # The seed on the page instead.
    seed = Sample(SeedPoint(0), a.default_look)
    assert_shows(page._take_domain({**found, page.controls.domain: "a"})[1], seed, a, b)
    moved = {**kept(page, found, point), page.controls.domain: "a", page.controls.position: 0}
    with pytest.raises(gradio.Error, match=r"projection\.npz has a label of 0 numbers"):
        page._move(moved)


def test_kept_samples_are_drawn_in_their_domain_only_but_for_those_of_z(page, values):
    a, b = page._exhibit.views
    c = page.controls
    w = WPoint(a.sampler.map(np.ones((1, 8)), np.eye(3)[:1])[0], "projection.npz")
    values = kept(page, values, seed=1)
    values = kept(page, values, w)
    values = kept(page, values, **{"seed": 2})
    seed = Sample(SeedPoint(1), a.default_look)
    in_b = {**values, c.domain: "b"}
    # Samples beside it do not matter.
    for position, number in ((0, 1), (2, 2)):
        stage = page._move({**in_b, c.position: position})[-2]
        assert_shows(stage, Sample(SeedPoint(number), b.default_look), b, a)
    for position in (0.5, 1, 1.5):
        with pytest.raises(gradio.Error, match="'found' belongs to domain a"):
            page._move({**in_b, c.position: position})
    with pytest.raises(gradio.Error, match="'found' belongs to domain a"):
        page._render_video(in_b)
    assert_shows(page._move({**values, c.position: 1})[-2], Sample(w, seed.look), a)


def test_directions_of_a_kept_sample_belong_to_its_domain(page, values):
    values = {**values, page.controls.strengths[0]: 2.0}
    moved = {**kept(page, values), page.controls.domain: "b", page.controls.position: 0}
    with pytest.raises(gradio.Error, match="'seed 0, edited' belongs to domain a"):
        page._move(moved)


def test_snapshots_are_those_of_the_domain_that_is_chosen(page, values):
    a, b = page._exhibit.views
    sample = Sample(SeedPoint(0), a.default_look)
    for view in (a, b):
        stage = page._show_snapshot({**values, page.controls.domain: view.name})
        assert_shows(stage, sample, view)


def test_a_search_shows_its_domain(page, values, tmp_path):
    path = tmp_path / "target.png"
    Image.new("RGB", (16, 16)).save(path)
    c = page.controls
    started = {**values, c.domain: "b", c.upload: str(path), c.space: "w", c.steps: 1}
    started[page._stop] = StopButton()
    for _, domain, *_ in page._search(started):
        assert domain == "b"
