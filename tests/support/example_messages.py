"""Serialised `tf.train.Example`s with their features in any order, for tests."""

import tensorflow as tf


def shape_feature(image):
    value = tf.train.Feature(int64_list=tf.train.Int64List(value=image.shape))
    return tf.train.Features(feature={"shape": value}).SerializeToString()


def data_feature(image):
    value = tf.train.Feature(bytes_list=tf.train.BytesList(value=[image.tobytes()]))
    return tf.train.Features(feature={"data": value}).SerializeToString()


def example(*features):
    """An example with its features in the given order; messages merge by concatenation."""
    return tf.train.Example.FromString(b"").SerializeToString() + message(1, b"".join(features))


def message(number, content):
    """One field that holds a message."""
    length = len(content)
    size = b""
    while length > 127:
        size += bytes([length & 127 | 128])
        length >>= 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + content
