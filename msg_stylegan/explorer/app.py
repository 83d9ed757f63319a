"""The page: its parts, and what happens when a visitor touches them."""

import contextlib
import dataclasses
import functools
import inspect
import secrets
import sys
import traceback
from pathlib import Path

import gradio as gr
import numpy as np

from msg_stylegan.explorer import html
from msg_stylegan.explorer.controls import Controls
from msg_stylegan.explorer.search import Searches, StopButton
from msg_stylegan.explorer.visit import Kept, Visit, caption_of
from msg_stylegan.explorer.walk_video import WalkVideo
from msg_stylegan.faults import REPORT, user_message
from msg_stylegan.generation.arguments import MAX_SEED, parse_numbers
from msg_stylegan.generation.sample import Between, Look, Sample, SeedPoint, WPoint

_NUM_TILES = 24
# Between pictures of a search that are shown.
_SHOWN_STEPS = 5
# Random seeds are short, so that they can be told.
_RANDOM_SEEDS = 100_000

# Drawing waits in one line, in which a control has at most one place: fast clicks do not pile up.
_DRAWING = {
    "concurrency_id": "drawing",
    "concurrency_limit": 1,
    "trigger_mode": "always_last",
    "show_progress": "hidden",
    "api_visibility": "private",
}

# Many pictures take a moment.
_PAGING = {**_DRAWING, "show_progress": "minimal"}


def _once(name, show_progress="minimal"):
    """Options of long work, which a second click does not start again while it runs."""
    return {
        **_DRAWING,
        "concurrency_id": name,
        "trigger_mode": "once",
        "show_progress": show_progress,
    }


@contextlib.contextmanager
def _told():
    """Turns errors of the block into a message on the page."""
    try:
        yield
    except gr.Error:
        # One of these blocks inside of another one told it.
        raise
    except Exception as error:
        message = user_message(error)
        if message is None:
            print(REPORT, file=sys.stderr)
            traceback.print_exc()
            message = "This is a fault of the program. Its server has the details."
        raise gr.Error(message, print_exception=False) from error


def _telling(method):
    """A method, or generator, whose errors are told on the page."""
    if inspect.isgeneratorfunction(method):

        @functools.wraps(method)
        def wrapped(*args, **kwargs):
            with _told():
                yield from method(*args, **kwargs)
    else:

        @functools.wraps(method)
        def wrapped(*args, **kwargs):
            with _told():
                return method(*args, **kwargs)

    return wrapped


class Page:
    """The page of an exhibit.

    Attributes:
        blocks: `gradio.Blocks` to be launched.
        controls: `Controls`.
    """

    def __init__(self, exhibit, run_views=()):
        """Builds the page and draws its first picture, which compiles the networks.

        Args:
            exhibit: `Exhibit`.
            run_views: List of the `RunView` of each of its views; empty without a run.
        """
        self._exhibit = exhibit
        self._run_views = run_views
        self._searches = Searches(exhibit.encoder)
        view = exhibit.views[0]
        stage, saving = self._shown(view, Sample(SeedPoint(0), view.default_look))
        # Uploads are gone an hour later, if not at once.
        with gr.Blocks(
            title=f"Explorer · {exhibit.title}", delete_cache=(600, 3600)
        ) as self.blocks:
            # `WPoint` or `Between`; None for the seed on the page.
            self._point = gr.State(None)
            self._visit = gr.State(Visit())
            self._stop = gr.State(None, delete_callback=_press)
            gr.HTML(html.heading(exhibit.title, exhibit.summary))
            with gr.Row(elem_id="desk"):
                with gr.Column(scale=5, min_width=320, elem_id="left"):
                    self._stage = gr.HTML(stage, elem_id="stage")
                    self._keep = gr.Button("Keep", elem_id="keep", size="md")
                    self._saving = gr.HTML(saving, elem_id="saving")
                with gr.Column(scale=6, min_width=320, elem_id="right"):
                    self.controls = Controls(exhibit.views, run_views)
            self._connect()

    # What happens.

    def _connect(self):
        c = self.controls
        controls = [
            *(c.label_class, c.label, c.psi, c.cutoff, c.noise_mode),
            *(c.noise_seed, c.mix, c.style_seed, c.first_layer, c.last_layer),
            *c.strengths,
        ]
        values = {self._point, self._visit, c.domain, c.seed, *controls}
        drawn = [self._point, self._stage, self._saving]
        reset = [c.mix, *c.strengths]

        gr.on([one.input for one in controls], self._draw, values, drawn, **_DRAWING)
        c.domain.input(self._take_domain, values, drawn, **_DRAWING)
        c.seed.input(self._take_seed, values, drawn, **_DRAWING)
        for button, step in ((c.previous, -1), (c.next, 1), (c.random, None)):
            button.click(
                functools.partial(self._step_seed, step), values, [c.seed, *drawn], **_DRAWING
            )
        c.new_noise.click(
            self._renew_noise, values, [c.noise_mode, c.noise_seed, *drawn], **_DRAWING
        )
        c.reset.click(self._reset_edits, values, [*reset, *drawn], **_DRAWING)

        paged = [self._visit, c.grid]
        c.grid_tab.select(functools.partial(self._turn, 0), values, paged, **_PAGING)
        c.back.click(functools.partial(self._turn, -1), values, paged, **_PAGING)
        c.forth.click(functools.partial(self._turn, 1), values, paged, **_PAGING)
        c.grid.click(self._take_tile, values, [c.seed, *drawn], **_DRAWING)

        kept = [self._visit, c.shelf, c.position]
        self._keep.click(self._keep_sample, values, kept, **_DRAWING)
        c.clear.click(self._clear_shelf, values, kept, **_DRAWING)
        c.position.input(self._move, values | {c.position}, [*reset, *drawn], **_DRAWING)
        c.shelf.click(self._take_kept, values, [c.position, *reset, *drawn], **_DRAWING)
        c.render.click(
            self._render_video,
            {*values, c.transition, c.closed},
            c.video,
            **_once("video"),
        )

        c.upload.upload(StopButton, None, self._stop, queue=False, api_visibility="private").then(
            self._search,
            {*values, c.upload, c.space, c.steps, self._stop},
            [c.search_note, c.domain, *reset, *drawn],
            **_once("search", "hidden"),
        )
        c.end_search.click(_press, self._stop, None, queue=False, api_visibility="private")
        if self._run_views:
            shown = values | {c.snapshot}
            c.run_tab.select(self._show_records, shown, [c.snapshot_stage, c.records], **_DRAWING)
            c.snapshot.input(self._show_snapshot, shown, c.snapshot_stage, **_DRAWING)

    @_telling
    def _draw(self, values):
        return values[self._point], *self._shown(self._view(values), self._sample(values))

    def _take_seed(self, values):
        return self._draw({**values, self._point: None})

    def _take_domain(self, values):
        """The other domain, which knows no w of this one."""
        sample, view = self._sample(self._without_edits(values)), self._view(values)
        is_known = sample.follows_from_z and _has_labels(view, sample)
        return self._draw(values) if is_known else self._take_seed(values)

    def _step_seed(self, step, values):
        if step is None:
            seed = secrets.randbelow(_RANDOM_SEEDS)
        else:
            seed = (_whole(values[self.controls.seed]) + step) % (MAX_SEED + 1)
        return seed, *self._take_seed({**values, self.controls.seed: seed})

    def _renew_noise(self, values):
        c = self.controls
        seed = secrets.randbelow(_RANDOM_SEEDS)
        return (
            "random",
            seed,
            *self._draw({**values, c.noise_mode: "random", c.noise_seed: seed}),
        )

    def _reset_edits(self, values):
        values = self._without_edits(values)
        return *self._edits_of(values), *self._draw(values)

    @_telling
    def _turn(self, pages, values):
        visit, view = values[self._visit], self._view(values)
        last = MAX_SEED + 1 - _NUM_TILES
        first = min(max(0, visit.first_seed + pages * _NUM_TILES), last)
        visit = dataclasses.replace(visit, first_seed=first)
        seeds = range(first, first + _NUM_TILES)
        images = [
            view.small_image(self._sample({**values, self._point: None, self.controls.seed: seed}))
            for seed in seeds
        ]
        return visit, html.tiles(images, map(str, seeds), "grid")

    def _take_tile(self, values, event: gr.EventData):
        seed = values[self._visit].first_seed + _index(event, _NUM_TILES)
        return seed, *self._take_seed({**values, self.controls.seed: seed})

    @_telling
    def _keep_sample(self, values):
        visit, view = values[self._visit], self._view(values)
        sample = self._sample(values)
        kept = Kept(sample, view.small_image(sample), caption_of(sample), view.name)
        visit = visit.keeping(kept)
        return visit, html.shelf(visit.kept), _position_slider(visit)

    def _clear_shelf(self, values):
        visit = dataclasses.replace(values[self._visit], kept=())
        return visit, html.shelf(()), _position_slider(visit)

    @_telling
    def _move(self, values):
        return self._move_to(values, values[self.controls.position])

    @_telling
    def _take_kept(self, values, event: gr.EventData):
        position = _index(event, len(values[self._visit].kept))
        return position, *self._move_to(values, position)

    def _move_to(self, values, position):
        """The picture at a position between the kept samples; their edits are part of them."""
        values = self._without_edits(values)
        point = values[self._visit].between(position, self._view(values).name)
        return *self._edits_of(values), *self._draw({**values, self._point: point})

    @_telling
    def _render_video(self, values, progress=gr.Progress()):  # noqa: B008
        view = self._view(values)
        samples = [one.in_domain(view.name) for one in values[self._visit].kept]
        if len(samples) < 2:
            raise ValueError("Keep at least two samples: the button is below the picture.")
        transition = int(values[self.controls.transition])
        closed = values[self.controls.closed]
        video = WalkVideo(view, samples, transition=transition, closed=closed)
        data = video.encode(lambda done, total: progress((done, total), unit="frames"))
        command = self._exhibit.command(view, "interpolation", video.options())
        saved = video.w_name, video.encode_points()
        return html.video(data, "interpolation.mp4", command, *saved)

    @_telling
    def _search(self, values):
        path, view = values[self.controls.upload], self._view(values)
        values, stop = self._without_edits(values), values[self._stop]
        num_steps = int(values[self.controls.steps])
        try:
            searched = self._searches.run(view, path, values[self.controls.space], num_steps, stop)
            for target, step, point in searched:
                found = {**values, self._point: point}
                if step % _SHOWN_STEPS == 0:
                    yield self._found(found, _search_note(target, step, num_steps))
            yield self._found(found, _search_note(target, step, num_steps, is_done=True))
        finally:
            Path(path).unlink(missing_ok=True)

    def _found(self, values, note):
        # With its domain, which the visitor may have left while the search went on.
        domain = values[self.controls.domain]
        return note, domain, *self._edits_of(values), *self._draw(values)

    def _show_records(self, values):
        run_view = self._run_view(values)
        records = [*run_view.curves]
        if run_view.reals is not None:
            records.append(run_view.reals)
        return self._show_snapshot(values), html.documents(records)

    @_telling
    def _show_snapshot(self, values):
        run_view = self._run_view(values)
        number = min(int(values[self.controls.snapshot]), len(run_view.paths) - 1)
        sample = self._sample(values)
        images = run_view.images(sample, number)
        kimg = f"{run_view.kimg[number]:g} kimg"
        return html.stage(images, f"The sample after {kimg}", caption=f"The same latent, {kimg}")

    # From the values of the controls.

    def _view(self, values):
        """The `View` of the domain that is chosen."""
        views = {view.name: view for view in self._exhibit.views}
        return views.get(values[self.controls.domain], self._exhibit.views[0])

    def _run_view(self, values):
        """The `RunView` of the domain that is chosen."""
        return self._run_views[self._exhibit.views.index(self._view(values))]

    def _sample(self, values):
        """The `Sample` that the controls describe."""
        c = self.controls
        view = self._view(values)
        is_random = values[c.noise_mode] == "random"
        look = Look(
            float(values[c.psi]),
            int(values[c.cutoff]),
            values[c.noise_mode],
            _whole(values[c.noise_seed]) if is_random else None,
        )
        point, style, layers = values[self._point], None, ()
        if point is None:
            point = self._seed_point(values, values[c.seed])
        if values[c.mix]:
            style = self._seed_point(values, values[c.style_seed])
            ends = sorted((int(values[c.first_layer]), int(values[c.last_layer])))
            layers = tuple(range(ends[0], ends[1] + 1))
        edits = view.edits([values[slider] for slider in c.strengths])
        return Sample(point, look, style, layers, edits)

    def _seed_point(self, values, seed):
        label = values[self.controls.label]
        return SeedPoint(
            _whole(seed),
            values[self.controls.label_class] or None,
            tuple(parse_numbers(label)) if label and label.strip() else None,
        )

    def _without_edits(self, values):
        return {**values, self.controls.mix: False, **dict.fromkeys(self.controls.strengths, 0)}

    def _edits_of(self, values):
        return [values[one] for one in (self.controls.mix, *self.controls.strengths)]

    # What is shown.

    def _shown(self, view, sample):
        """A sample on the stage, and what can be saved of it."""
        flat, projection = view.as_command(sample)
        text, name = caption_of(sample), _picture_name(flat)
        images = view.images_of_w(sample, projection.ws)
        stage = html.stage(images, text, view.picture_facts(flat), name, text)
        others = [other for other in self._exhibit.views if other is not view]
        if others and sample.follows_from_z and _has_labels(others[0], sample):
            caption = f"domain {others[0].name}"
            partner = html.stage(others[0].images(sample), text, caption=caption)
            stage = f'<div class="pair">{stage}{partner}</div>'
        w_name = f"{Path(name).stem}.npz"
        note = "" if sample.is_of_seeds else html.save_first(w_name)
        commands = self._exhibit.commands(view, flat)
        return stage, html.saving(commands, w_name, projection.encode(), note)


def _picture_name(flat):
    """Name of the file that `generate.py images` writes of a sample."""
    point = flat.point
    if isinstance(point, SeedPoint):
        return f"seed{point.seed:04d}.png"
    return f"{Path(point.name).stem}.png"


def _has_labels(view, sample):
    """Whether a network of the other domain can draw the class or label of a sample."""
    points = [sample.point, *([sample.style] if sample.style_layers else [])]
    return all(_has_label(view, point) for point in points)


def _has_label(view, point):
    if isinstance(point, Between):
        return all(_has_labels(view, end) for end in (point.start, point.end))
    if isinstance(point, WPoint):
        return point.has_label_for(view.G)
    try:
        point.labels(view.labels)
    except ValueError:
        return False
    return True


def _whole(number):
    """A whole number from a field that may be empty."""
    return int(number or 0)


def _index(event, count):
    """Number of the tile that was pressed. It comes from the browser, so anything may be there."""
    index = event._data.get("index") if isinstance(event._data, dict) else None
    if not isinstance(index, int) or not 0 <= index < count:
        raise gr.Error("There is no such picture.", print_exception=False)
    return index


def _position_slider(visit):
    count = len(visit.kept)
    return gr.Slider(maximum=max(1, count - 1), value=0, interactive=count > 0, label="Position")


def _search_note(target, step, num_steps, is_done=False):
    text = f"Found after {step} steps." if is_done else f"Step {step} of {num_steps}"
    progress = "" if is_done else f'<progress max="{num_steps}" value="{step}"></progress>'
    picture = html.picture(np.asarray(target), "Your picture")
    return f'<div class="target">{picture}<div><p class="note">{text}</p>{progress}</div></div>'


def _press(stop):
    if stop is not None:
        stop.press()
