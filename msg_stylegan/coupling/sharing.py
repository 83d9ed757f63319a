"""Hard sharing: weights of both domains that are always equal, as in CoGAN (Liu and Tuzel 2016).

Every network keeps all its weights, and is whole without the other domain. Shared ones start equal
and get the same gradient, the sum of both, so that they stay equal in every bit.
"""


def shared_variables(networks, options):
    """Variables of the networks of a domain that may be shared, by the options of a coupling.

    Args:
        networks: `Domain` of networks.
        options: `CouplingOptions`.

    Returns:
        Dictionary from "G", "D" and "G_ema" to lists of trainable variables.
    """
    if options.sharing == "none":
        return {}
    if options.sharing == "mapping":
        generators = {"G": networks.G, "G_ema": networks.G_ema}
        return {name: G.mapping.trainable_variables for name, G in generators.items()}
    of_G, of_D = (
        side or networks.G.resolution
        for side in (options.G_shared_resolution, options.D_shared_resolution)
    )
    return {
        "G": networks.G.feature_variables(of_G),
        "D": networks.D.feature_variables(of_D),
        "G_ema": networks.G_ema.feature_variables(of_G),
    }


def start_equal(nets):
    """Gives the generators of domain B the weights of domain A, but for what makes images."""
    of_a, of_b = nets.domains
    for source, target in ((of_a.G, of_b.G), (of_a.G_ema, of_b.G_ema)):
        features = (G.feature_variables(G.resolution) for G in (source, target))
        for a, b in zip(*features, strict=True):
            b.assign(a)


def share_weights(nets, options):
    """Makes the shared weights of domain B equal to those of domain A.

    Args:
        nets: `Networks` of a pair, with their initial weights.
        options: `CouplingOptions`.

    Returns:
        Dictionary from "G" and "D" to the list of pairs of places in `Networks.trainable` whose
        variables are shared.

    Raises:
        ValueError: The networks differ where they are to be shared.
    """
    of_a, of_b = (shared_variables(domain, options) for domain in nets.domains)
    places = {"G": [], "D": []}
    for name, variables in of_a.items():
        for a, b in zip(variables, of_b[name], strict=True):
            if a.shape != b.shape:
                raise ValueError(
                    f"coupling.sharing={options.sharing!r}: {a.name} has the shape {a.shape} in "
                    f"one domain and {b.shape} in the other. Images and labels of both data sets "
                    "must have the same numbers of channels and components there, or choose none."
                )
            b.assign(a)
        if name in places:
            place = {id(variable): i for i, variable in enumerate(nets.trainable(name))}
            pairs = zip(variables, of_b[name], strict=True)
            places[name] = [(place[id(a)], place[id(b)]) for a, b in pairs]
    return places


def add_shared(gradients, places):
    """Gives both variables of every shared pair the sum of their gradients.

    Args:
        gradients: List of gradients, as long as `Networks.trainable`.
        places: List of pairs of places, see `share_weights`.
    """
    gradients = list(gradients)
    for a, b in places:
        gradients[a] = gradients[b] = gradients[a] + gradients[b]
    return gradients
