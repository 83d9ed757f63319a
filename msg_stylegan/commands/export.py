"""Writes a trained generator for other programs."""

import argparse
import dataclasses
from pathlib import Path

from msg_stylegan.command_line import run_command
from msg_stylegan.command_names import called
from msg_stylegan.commands.user_config import user_config
from msg_stylegan.export import FORMATS, ExportOptions, export_generator
from msg_stylegan.generation.arguments import add_network_arguments
from msg_stylegan.sampling.sampler import NOISE_MODES


def build_parser():
    parser = argparse.ArgumentParser(
        prog=called("export"),
        description="Writes a trained generator as a file for other programs. What is not fixed by "
        "an option is an input of the file.",
    )
    add_network_arguments(parser)
    parser.set_defaults(result_dir=user_config().result_dir)
    parser.add_argument("--format", required=True, choices=list(FORMATS), help="kind of file")
    parser.add_argument(
        "--output",
        required=True,
        type=Path,
        metavar="PATH",
        help="file to write; a folder for savedmodel and web",
    )
    parser.add_argument("--force", action="store_true", help="replace PATH if it exists")

    graph = parser.add_argument_group("savedmodel, tflite, onnx and web: what is fixed in the file")
    defaults = ExportOptions()
    graph.add_argument(
        "--batch_size", type=int, metavar="N", help="images per call (default: any number)"
    )
    graph.add_argument(
        "--truncation_psi",
        type=float,
        metavar="PSI",
        help="strength of the truncation (default: an input, if there is a mapping network)",
    )
    graph.add_argument(
        "--truncation_cutoff",
        type=int,
        default=defaults.truncation_cutoff,
        metavar="LAYERS",
        help="number of layers that are truncated (default: %(default)s)",
    )
    graph.add_argument(
        "--noise_mode",
        choices=NOISE_MODES,
        default=defaults.noise_mode,
        help="noise inputs: the stored ones, new ones in every call, or none "
        "(default: %(default)s)",
    )
    graph.add_argument(
        "--scale",
        type=int,
        metavar="PIXELS",
        help="the only size of images, one of the scales of the network (default: all scales)",
    )
    graph.add_argument(
        "--uint8",
        dest="as_uint8",
        action="store_true",
        help="images are pixels from 0 to 255 (default: floats, about -1 to 1)",
    )
    graph.add_argument(
        "--float16", action="store_true", help="tflite: weights of 16 bits, half the size"
    )
    parser.add_argument(
        "--onnxruntime_web",
        metavar="FOLDER",
        help="web: unpacked npm package onnxruntime-web (default: where npm installs it, "
        "node_modules/onnxruntime-web)",
    )
    return parser


def export(args):
    """Opens the network and writes the file."""
    # It starts TensorFlow, for which help and mistakes need not wait.
    from msg_stylegan.pretrained import find_network_file, load_networks

    fields = dataclasses.fields(ExportOptions)
    options = ExportOptions(**{field.name: getattr(args, field.name) for field in fields})
    source = find_network_file(args.network, args.result_dir)
    nets = load_networks(source, args.domain)
    if nets.G_ema is None:
        raise ValueError(f"{source} has no generator.")
    content = export_generator(
        nets.G_ema, args.output, args.format, options, info=nets.info, force=args.force
    )
    # Whoever did not know that there are two should hear of it.
    domain = f"domain {nets.info['domain']} of a pair: " if "domain" in nets.info else ""
    print(f"{args.output}: {domain}{content}")


def main(argv):
    """Writes one file; returns the exit status, see `run_command`."""
    return run_command(build_parser, export, argv, interrupted="Interrupted. Nothing was written.")
