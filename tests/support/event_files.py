"""What is in files for TensorBoard."""

import tensorflow as tf


def events(folder):
    """Scalars in the TensorBoard files of a folder: dict of tag -> list of (step, value)."""
    found = {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                number = float(tf.make_ndarray(value.tensor))
                found.setdefault(value.tag, []).append((event.step, number))
    return found
