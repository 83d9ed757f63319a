"""Speed, arithmetic, memory and input of a training step on a device.

    python benchmarks/gpu.py [--rows ffhq256,16 ffhq256,32,mixed_float16,xla ffhq1024,4]
        [--steps 10] [--no_others]

A row is a preset, the batch, and optionally the precision and `xla`. Each one runs in a process of
its own, so that one that does not fit leaves the others alone. Columns:

- TFLOP/s: arithmetic of convolutions and matrix products of a step (`graph_flops.py`) by its time;
- of the rate: that beside the best of large matrix products in the same precision;
- memory: the peak of the device; on a CPU that of the process;
- input: share of the time that is lost when images come from TFRecords instead of one batch that
  stays on the device;
- plain: images/s of the same work written plainly in TensorFlow (`plain_msg_stylegan.py`), float32.

A second table sets BMSG-GAN's networks beside the same in PyTorch, where that is installed.
Without a GPU the default rows are small ones, which show that everything runs.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

GPU_ROWS = (
    *(f"ffhq256,{n}{kind}" for kind in ("", ",mixed_bfloat16", ",mixed_float16") for n in (16, 64)),
    "ffhq256,64,float32,xla",
    "ffhq256,64,mixed_float16,xla",
    *(f"ffhq1024,{n}{kind}" for kind in ("", ",mixed_bfloat16", ",mixed_float16") for n in (4, 16)),
    "ffhq1024,16,mixed_float16,xla",
)
CPU_ROWS = ("digits,16", "digits,16,mixed_bfloat16", "digits,16,float32,xla")
# Depth and latent size of BMSG-GAN, and the batch.
GPU_TORCH, CPU_TORCH = ("7,512,16", "9,512,4"), ("4,64,16",)
DTYPES = {"float32": "float32", "mixed_bfloat16": "bfloat16", "mixed_float16": "float16"}


def measure_matrices(dtype):
    """The rate of products of large square matrices, in operations per second."""
    import tensorflow as tf

    size, times = (8192, 20) if tf.config.list_physical_devices("GPU") else (1024, 5)
    a = tf.cast(tf.random.normal([size, size]), dtype)

    @tf.function(autograph=False)
    def multiply():
        x = a
        for _ in range(times):
            x = tf.matmul(a, x) * tf.cast(size**-0.5, dtype)
        return tf.reduce_sum(x)

    multiply().numpy()
    return {"rate": 2 * size**3 * times / best_of(3, lambda: multiply().numpy())}


def measure_step(preset, batch_size, precision, xla, steps):
    """What a row says about our step."""
    from step_comparison import make_ours, random_reals, same_batch

    from msg_stylegan.interface import Interface
    from msg_stylegan.options import changed
    from msg_stylegan.training.graph_flops import count_flops
    from msg_stylegan.training.step_memory import update_graphs

    config, resolution = make_config(preset, batch_size, precision)
    step = make_ours(changed(config, {"hardware.xla": xla}), resolution)
    bare = make_ours(config, resolution)
    graphs = update_graphs(bare, [Interface(resolution, num_channels=3)])
    flops = {name: count_flops(graph).total() for name, graph in graphs.items()}
    # Penalties with an update of their own come once in so many.
    flops["D by penalties"] = flops.get("D by penalties", 0) / bare.regularization.interval

    same = same_batch(random_reals(batch_size, resolution))
    start = time.perf_counter()
    run(step, same, 1)
    first = time.perf_counter() - start
    run(step, same, steps)
    seconds = best_of(3, lambda: run(step, same, steps)) / steps
    with tempfile.TemporaryDirectory() as folder:
        batches = stored_batches(Path(folder), resolution, batch_size)
        run(step, batches, 1)
        stored = best_of(3, lambda: run(step, batches, steps)) / steps
    return {
        "seconds": seconds,
        "first": first,
        "flops": sum(flops.values()),
        "memory": peak_memory(),
        "input": max(1 - seconds / stored, 0.0),
    }


def measure_plain(preset, batch_size, steps):
    """Seconds of a step of the plain form."""
    import tensorflow as tf
    from plain_msg_stylegan import PlainTraining
    from step_comparison import random_reals, seconds_per_call

    config, resolution = make_config(preset, batch_size, "float32")
    G = config.generator
    plain = PlainTraining(resolution, G.channel_base, G.channel_max, G.w_dim, batch_size)
    reals = tf.constant(random_reals(batch_size, resolution))
    seconds_per_call(lambda: plain.step(reals), 1)
    return {"seconds": best_of(3, lambda: seconds_per_call(lambda: plain.step(reals), steps))}


def measure_bmsg(depth, latent_size, batch_size, steps):
    """Seconds of a step of BMSG-GAN's networks, ours."""
    from step_comparison import make_ours, random_reals, same_batch

    config, resolution = make_config(f"bmsg:{depth},{latent_size}", batch_size, "float32")
    step = make_ours(config, resolution)
    batches = same_batch(random_reals(batch_size, resolution))
    run(step, batches, 1)
    return {"seconds": best_of(3, lambda: run(step, batches, steps)) / steps}


def measure_torch(depth, latent_size, batch_size, steps):
    """Seconds of a step of the same networks in PyTorch."""
    import torch
    from pytorch_progan import TorchTraining
    from step_comparison import random_reals

    device = "cuda" if torch.cuda.is_available() else "cpu"
    training = TorchTraining(depth, latent_size, device)
    reals = torch.tensor(random_reals(batch_size, 2 ** (depth + 1)).transpose(0, 3, 1, 2))
    reals = reals.to(device)

    def steps_in_turn():
        for _ in range(steps):
            training.step(reals)
        if device == "cuda":
            torch.cuda.synchronize()

    steps_in_turn()
    return {"seconds": best_of(3, steps_in_turn) / steps}


def make_config(preset, batch_size, precision):
    """Options of a row, and the resolution."""
    from msg_stylegan.options import changed
    from msg_stylegan.presets import get_preset
    from msg_stylegan.training import devices

    devices.prepare_graph_optimizer()
    config = changed(
        get_preset(preset),
        {"schedule.batch_size": batch_size, "hardware.precision": precision},
    )
    return config, config.dataset.resolution or 32


def stored_batches(folder, resolution, batch_size):
    """Batches of a data set of random images, as training reads them."""
    import tensorflow as tf
    from input_pipeline import make_data

    from msg_stylegan.data.dataset import TFRecordDataset
    from msg_stylegan.training.reals import distributed_batches

    directory = folder / "data"
    directory.mkdir()
    make_data(directory, resolution, 64 * 10**6)
    datasets = [TFRecordDataset(directory, resolution)]
    return distributed_batches(datasets, tf.distribute.get_strategy(), batch_size, 0, 0)


def run(step, batches, steps):
    import tensorflow as tf

    # The number comes back only when all is computed.
    return step.run(batches, tf.constant(steps))["D_updates"].numpy()


def best_of(times, function):
    """The least time of some calls, in seconds."""
    durations = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        durations.append(time.perf_counter() - start)
    return min(durations)


def peak_memory():
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_memory_info("GPU:0")["peak"]
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


MEASUREMENTS = {
    "matrices": measure_matrices,
    "step": measure_step,
    "plain": measure_plain,
    "bmsg": measure_bmsg,
    "torch": measure_torch,
}


def measured(name, *arguments):
    """What a measurement returns in a process of its own, or a few words on why it did not."""
    command = [sys.executable, __file__, "--measure", json.dumps([name, *arguments])]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    if re.search(r"ResourceExhausted|OOM|out of memory", done.stderr, re.IGNORECASE):
        return "out of memory"
    if "No module named 'torch'" in done.stderr:
        return "PyTorch is not installed"
    raise SystemExit(f"error: {name} {arguments} failed:\n{done.stderr[-3000:]}")


def device_name():
    """Name of the GPU, or the number of cores."""
    code = (
        "import tensorflow as tf; gpus = tf.config.list_physical_devices('GPU'); "
        "print(tf.__version__, "
        "gpus and tf.config.experimental.get_device_details(gpus[0])['device_name'], sep='|')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    version, _, gpu = done.stdout.splitlines()[-1].partition("|")
    gpu = "" if gpu == "[]" else gpu
    return version, gpu, gpu or f"{os.cpu_count()} CPU cores, no GPU"


def parse_row(row):
    """Preset, batch size, precision and whether with XLA, from the words of the command line."""
    preset, batch_size, *others = row.split(",")
    xla = "xla" in others
    (precision,) = [word for word in others if word != "xla"] or ["float32"]
    return preset, int(batch_size), precision, xla


def show_steps(rows, steps, with_plain):
    from step_comparison import print_row

    titles = (
        "preset batch precision XLA first_step,_s images/s TFLOP/s of_the_rate memory,_GiB input"
    )
    titles = [title.replace("_", " ") for title in titles.split()]
    titles += ["plain images/s", "ratio"] if with_plain else []
    print_row(titles, is_head=True)
    rates, plain = {}, {}
    for row in rows:
        preset, batch_size, precision, xla = parse_row(row)
        result = measured("step", preset, batch_size, precision, xla, steps)
        cells = [preset, str(batch_size), precision, "yes" if xla else "no"]
        if isinstance(result, str):
            print_row([*cells, result])
            continue
        if precision not in rates:
            rates[precision] = measured("matrices", DTYPES[precision])["rate"]
        rate = result["flops"] / result["seconds"]
        speed = batch_size / result["seconds"]
        cells += [f"{result['first']:.0f}", f"{speed:.1f}", f"{rate / 1e12:.3g}"]
        cells += [
            f"{rate / rates[precision]:.1%}",
            f"{result['memory'] / 2**30:.2f}",
            f"{result['input']:.1%}",
        ]
        if with_plain:
            key = (preset, batch_size)
            if key not in plain:
                plain[key] = measured("plain", *key, steps)
            if isinstance(plain[key], str):
                cells += [plain[key], ""]
            else:
                theirs = batch_size / plain[key]["seconds"]
                cells += [f"{theirs:.1f}", f"{speed / theirs:.2f}"]
        print_row(cells)
    for precision, rate in rates.items():
        print(f"\nMatrix products in {DTYPES[precision]}: {rate / 1e12:.3g} TFLOP/s")


def show_torch(sizes, steps):
    from step_comparison import print_row

    print()
    print_row(
        ["depth", "latent size", "batch", "ours, images/s", "PyTorch, images/s", "ratio"], True
    )
    for text in sizes:
        size = tuple(map(int, text.split(",")))
        ours, theirs = (measured(name, *size, steps) for name in ("bmsg", "torch"))
        cells = [str(number) for number in size]
        speeds = [r if isinstance(r, str) else size[2] / r["seconds"] for r in (ours, theirs)]
        cells += [speed if isinstance(speed, str) else f"{speed:.1f}" for speed in speeds]
        if not any(isinstance(speed, str) for speed in speeds):
            cells.append(f"{speeds[0] / speeds[1]:.2f}")
        print_row(cells)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", help="preset,batch[,precision[,xla]]")
    parser.add_argument("--torch", nargs="*", help="depth,latent size,batch")
    parser.add_argument("--steps", type=int, default=10, help="steps per measurement")
    parser.add_argument("--no_others", action="store_true", help="our step only")
    parser.add_argument("--measure", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        name, *arguments = args.measure
        print(json.dumps(MEASUREMENTS[name](*arguments)))
        return
    version, gpu, name = device_name()
    print(f"TensorFlow {version} on {name}\n")
    rows = args.rows or (GPU_ROWS if gpu else CPU_ROWS)
    show_steps(rows, args.steps, not args.no_others)
    if not args.no_others:
        show_torch(
            args.torch if args.torch is not None else GPU_TORCH if gpu else CPU_TORCH, args.steps
        )


if __name__ == "__main__":
    main()
