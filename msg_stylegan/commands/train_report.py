"""What is about to be trained, in words."""

import json

from msg_stylegan import options
from msg_stylegan.options.flags import command_line_form
from msg_stylegan.training.stages import stages_of
from msg_stylegan.wording import count_of

# Options that a preset is not meant to decide.
_PLACES = ("data_dir", "result_dir", "cache_dir", "description")


def summary(config, run_dir, datasets, num_replicas):
    """What is about to be trained: options, data sets, devices and run directory."""
    titles = ("Data set:", "Data set B:")
    chosen = f"{config.dataset.num_images} of " if config.dataset.num_images else ""
    return "\n".join(
        [
            json.dumps(options.to_dict(config), indent=2),
            *(
                f"{title:<15}{dataset.path}: {chosen}{count_of(dataset.num_images, 'image')}, "
                f"{dataset.resolution}x{dataset.resolution}x{dataset.num_channels}, "
                f"{_labels_in_words(config, dataset)}"
                for title, dataset in zip(titles, datasets, strict=False)
            ),
            f"Devices:       {num_replicas}, "
            f"{_batches_in_words(config, datasets, num_replicas)} on each",
            f"Run directory: {run_dir}",
        ]
    )


def _batches_in_words(config, datasets, num_replicas):
    stages = stages_of(config, datasets[0].resolution)
    first, *others = dict.fromkeys(stage.batch_size // num_replicas for stage in stages)
    later = "".join(f", then {size}" for size in others)
    return f"batch of {count_of(first, 'image')}{later}"


def _labels_in_words(config, dataset):
    used, stored = dataset.label_size, dataset.stored_label_size
    words = f"{used} label components" if used else "no labels"
    if used == stored:
        return words
    return (
        f"{words}: {'all' if not used else 'the others'} of the {stored} that exist are ignored, "
        f"because of dataset.max_label_size={config.dataset.max_label_size}. A new run uses them "
        "with --config.dataset.max_label_size=-1"
    )


def option_notes(arguments):
    """Lines about options that are not those of the preset, of the run or of the networks."""
    stored, config, named = arguments.stored, arguments.config, arguments.named
    if arguments.origin:
        return _notes_of_origin(arguments)
    if stored is None:
        return []
    lines = [
        f"{name}: {_shown(old)} → {_shown(new)}"
        for name, old, new in options.differences(stored, config)
    ]
    if lines:
        lines.insert(0, "Options that change:")
    if named is None:
        return lines
    kept = [
        f"{name}: {_shown(own)} (in the preset: {_shown(other)})"
        for name, own, other in options.differences(config, named)
        if own == options.option_values(stored)[name] and name not in _PLACES
    ]
    if kept:
        lines += [f"Options of the run that are kept, unlike those of {named.preset}:", *kept]
    return lines


def _notes_of_origin(arguments):
    config, preset, origin = arguments.config, arguments.preset, arguments.origin
    other = [
        f"{name}: {_shown(old)} → {_shown(new)}" for name, old, new in origin.differences(config)
    ]
    if other:
        other.insert(0, f"Networks unlike those of {origin.path.name}:")
    taken = [
        f"{name}: {_shown(own)} (in the preset: {_shown(of_preset)})"
        for name, of_preset, own in options.network_differences(preset, origin.applied_to(preset))
        if own == options.option_values(config)[name]
    ]
    if taken:
        taken.insert(0, f"Options of {origin.path.name}, unlike those of {preset.preset}:")
    notes = [*taken, *other]
    if config.schedule.ema_rampup:
        notes.append(
            f"notice: with schedule.ema_rampup={config.schedule.ema_rampup} the first update "
            "replaces the average of the file by the weights that are trained"
        )
    return notes


def _shown(value):
    return command_line_form(value) or "''"


def plan(config, datasets, num_replicas, judges, origin):
    """The networks that would be trained, what they would start from, and memory."""
    from msg_stylegan.training.architecture import describe_networks
    from msg_stylegan.training.step_memory import estimate_memory

    memory, state = estimate_memory(config, datasets, num_replicas, judges, origin)
    lines = state.origin.lines(state.taken) if state.taken else []
    return "\n".join([describe_networks(state.nets), *lines, str(memory)])
