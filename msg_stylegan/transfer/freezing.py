"""Weights that stay as they are while the others are trained."""


def freeze(nets, options, matches=None):
    """Takes weights out of what is trained, in all domains.

    Args:
        nets: `Networks` with the weights to start from.
        options: `TransferOptions`.
        matches: What `Origin.give_to` returned for `nets`; None where a run continues.

    Raises:
        ValueError: Weights that would stay as they are do not come from the file.

    Source:
        FreezeD (Mo, Cho and Shin 2020) for the discriminator, of whole blocks: the NVIDIA option
        that counts layers has 4, 7, 10 and 13 for 1, 2, 3 and 4 blocks.
    """
    for domain in nets.domains:
        blocks = sorted(domain.D.blocks, key=lambda block: block.resolution, reverse=True)
        for block in blocks[: options.freeze_D]:
            _check_known(matches, domain.D, block, f"transfer.freeze_D={options.freeze_D}")
            block.trainable = False
        if options.freeze_mapping:
            # The average is the better one, and the average of what does not move is the same.
            sources, targets = (G.mapping.variables for G in (domain.G_ema, domain.G))
            for source, target in zip(sources, targets, strict=True):
                target.assign(source)
            for G in (domain.G, domain.G_ema):
                _check_known(matches, G, G.mapping, "transfer.freeze_mapping=True")
                G.mapping.trainable = False


def _check_known(matches, network, layer, option):
    """Whether all weights of a layer come from the file."""
    fresh = matches[network.name].fresh if matches else {}
    for place, reason in fresh.items():
        if place == layer.name or place.startswith(f"{layer.name}/"):
            raise ValueError(
                f"{option}: {place} of {network.name} would keep random weights ({reason}). Freeze "
                "only what the file has."
            )
