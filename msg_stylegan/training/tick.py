"""The tick: the stretch of training between two reports."""

import math
import time


class Tick:
    """The current tick: its place on the clock, what its iterations returned, how long it took.

    Tick k ends with the first iteration that reaches `k * tick_kimg`. Ticks follow from the number
    of images alone, so that an interrupted run has the same ticks as an uninterrupted one. Tick 0
    is over before the first iteration of a run.

    Args:
        nimg: Images shown so far.
        tick_kimg: Length of a tick.
        total_kimg: Length of training.
        images_per_iteration: Images that one iteration consumes.
    """

    def __init__(self, nimg, tick_kimg, total_kimg, images_per_iteration):
        # Counted here as well as on the device, because reading the device would wait for it.
        self.nimg = nimg
        self._length = round(tick_kimg * 1000)
        self._total = round(total_kimg * 1000)
        self._images_per_iteration = images_per_iteration
        self._is_compiled = False
        self._reported_at = time.monotonic()
        self.start()
        if nimg == 0:
            self._number_at_start = -1

    def start(self):
        """Begins to collect for the next report."""
        self.totals = []
        self._number_at_start = self.number
        self._timed_from, self._start = self.nimg, time.monotonic()
        self._maintenance_sec = self._start - self._reported_at

    @property
    def number(self):
        """Finished ticks."""
        return self.nimg // self._length

    @property
    def kimg(self):
        return self.nimg / 1000.0

    @property
    def is_over(self):
        """Whether a report is due."""
        return self.number > self._number_at_start

    @property
    def is_training_done(self):
        return self.nimg >= self._total

    def is_due(self, every_ticks):
        """Whether it is the turn of what happens every so many ticks, at the start and at the end.

        0 ticks means at the start and at the end only.
        """
        is_its_turn = self.number == 0 or (every_ticks > 0 and self.number % every_ticks == 0)
        return (self.is_over and is_its_turn) or self.is_training_done

    def iterations_left(self):
        """Iterations until the end of the tick or of training, at least 1."""
        end = min((self.number + 1) * self._length, self._total)
        return max(math.ceil((end - self.nimg) / self._images_per_iteration), 1)

    def add(self, totals, iterations):
        """Notes finished iterations and what `TrainStep.run` returned for them."""
        self.totals.append(totals)
        self.nimg += iterations * self._images_per_iteration
        if not self._is_compiled and not self.is_over:
            # The first call of a session was spent on compiling; it says nothing about the speed.
            self._timed_from, self._start = self.nimg, time.monotonic()
        self._is_compiled = True

    def timing(self):
        """Statistics of place and speed since the start of the tick, up to now."""
        self._reported_at = time.monotonic()
        seconds = max(self._reported_at - self._start, 1e-9)
        images = self.nimg - self._timed_from
        sec_per_kimg = 1000.0 * seconds / max(images, 1)
        return {
            "Progress/tick": float(self.number),
            "Progress/kimg": self.kimg,
            "Timing/sec_per_tick": seconds,
            "Timing/sec_per_kimg": sec_per_kimg,
            "Timing/images_per_sec": images / seconds,
            # The pause before this tick: pictures, snapshot, metrics, checkpoint.
            "Timing/maintenance_sec": self._maintenance_sec,
            "Timing/eta_sec": max(self._total - self.nimg, 0) / 1000.0 * sec_per_kimg,
        }
