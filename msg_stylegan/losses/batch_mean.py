"""Mean over the batch of an update, whatever the number of replicas that share it."""

from msg_stylegan.lazy_tensorflow import tf


def batch_mean(values):
    """Mean over all values of all replicas, a scalar that every replica gets.

    A loss that is not a sum over samples, such as a relativistic one, would otherwise depend on
    the number of devices; the originals take such means on one device. Gradients flow through the
    mean to the values of all replicas.

    Args:
        values: One tensor per replica, of the same shape on each.
    """
    mean = tf.reduce_mean(values)
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return mean
    return replica.all_reduce("MEAN", mean)
