"""Rewrites trained networks as a snapshot or as arrays."""

import argparse
from pathlib import Path

import numpy as np

from msg_stylegan.command_line import run_command
from msg_stylegan.command_names import called
from msg_stylegan.generation.arguments import add_domain_argument


def build_parser():
    parser = argparse.ArgumentParser(
        prog=called("convert"),
        description="Rewrites trained networks. The weights stay the same to the last bit.",
    )
    parser.add_argument(
        "source",
        metavar="SRC",
        type=Path,
        help="snapshot or folder of a run, pickle of MSG-StyleGAN or StyleGAN, .pth file of "
        "BMSG-GAN (those of the same epoch beside it are read, too), or .npz file",
    )
    parser.add_argument(
        "target",
        metavar="DST",
        type=Path,
        help="file to write: .keras for a snapshot, .npz for arrays with the names of the system "
        "that the networks come from",
    )
    add_domain_argument(parser, None, "domain of a pair of networks to take (default: both)")
    parser.add_argument("--force", action="store_true", help="replace DST if there is one")
    return parser


def convert(source, target, force, domain=None):
    """Reads one file and writes the other."""
    if target.suffix not in (".keras", ".npz"):
        raise ValueError(f"Expected a DST that ends in .keras or .npz. Received: {target}")
    if target.is_dir() or target.resolve() == source.resolve():
        raise ValueError(f"{target} is a folder or the source itself. Choose another name.")
    if target.exists() and not force:
        raise FileExistsError(f"{target} exists already. Choose another name or use --force.")
    # They start TensorFlow, for which help and mistakes need not wait.
    from msg_stylegan.legacy.npz_networks import write_npz_networks
    from msg_stylegan.networks import save_networks
    from msg_stylegan.pretrained import load_networks

    nets = load_networks(source, domain)
    print(describe(source, nets))
    if target.suffix == ".npz":
        write_npz_networks(nets, target)
    else:
        save_networks(nets, target, nets.info)
    print(f"Wrote {target}.")


def describe(source, nets):
    """Text that tells what was found in a file."""
    origin = nets.info.get("source", {})
    lines = [f"{source}: {origin.get('format', 'networks of a run')}"]
    lines += [f"  {file['name']}: SHA-256 {file['sha256']}" for file in origin.get("files", ())]
    lines += [f"  {name:<7} {describe_network(network)}" for name, network in nets.members.items()]
    lines += [f"  left out: {reason}" for reason in origin.get("left_out", ())]
    return "\n".join(lines)


def describe_network(network):
    """Resolution, channels, labels, scales and number of trainable parameters of a network."""
    count = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
    scales = ", ".join(map(str, network.resolutions))
    labels = f", labels of size {network.label_size}" if network.label_size else ""
    return (
        f"{network.resolution}x{network.resolution}x{network.num_channels}{labels}, "
        f"scales {scales}, {count:,} parameters"
    )


def main(argv):
    """Converts one file; returns the exit status, see `run_command`."""
    return run_command(
        build_parser,
        lambda args: convert(args.source, args.target, args.force, args.domain),
        argv,
        interrupted="Interrupted. Nothing was written.",
    )
