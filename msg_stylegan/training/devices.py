"""Devices and the strategy that trains on them."""

import tensorflow as tf


def make_strategy(num_gpus, logical_cpus, cluster=None):
    """Makes the `tf.distribute.Strategy` of a run. Call it before TensorFlow is used otherwise.

    Args:
        num_gpus: GPUs to train on; 0 for all that are visible.
        logical_cpus: Number of logical CPU devices to train on instead; 0 for none. They share the
            same cores, so they are not faster: they are for trying out several replicas.
        cluster: `Cluster` of the processes that train together, or None. All of them must call
            this, and it waits for them.

    Returns:
        A mirrored strategy over several devices, or the default strategy for a single one.

    Raises:
        ValueError: More GPUs are asked for than there are, or logical devices in a cluster.
    """
    if logical_cpus and cluster:
        raise ValueError(
            f"hardware.logical_cpus={logical_cpus}: must be 0 with several workers, each of which "
            "has one device for its CPU."
        )
    if logical_cpus:
        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration() for _ in range(logical_cpus)]
        )
        devices = [f"/cpu:{i}" for i in range(logical_cpus)]
    else:
        gpus = tf.config.list_physical_devices("GPU")
        if num_gpus > len(gpus):
            raise ValueError(f"hardware.num_gpus={num_gpus}, but TensorFlow sees {len(gpus)} GPUs.")
        gpus = gpus[: num_gpus or None]
        if gpus:
            tf.config.set_visible_devices(gpus, "GPU")
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
        if cluster:
            return _strategy_of_workers(cluster, len(gpus))
        devices = [f"/gpu:{i}" for i in range(len(gpus))]
    if len(devices) > 1:
        return tf.distribute.MirroredStrategy(devices)
    return tf.distribute.get_strategy()


def strategy_of_process(strategy):
    """The strategy over the devices of this process alone, which waits for no other process.

    Args:
        strategy: What `make_strategy` returned. Its variables are foreign to another strategy.

    Returns:
        The strategy itself if it knows no other process; else a new one as if it were alone.
    """
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return strategy
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    # The list has the devices of all workers. The task is told by the job's part of the name.
    own = f"/task:{strategy.cluster_resolver.task_id}/"
    names = [device.name for device in tf.config.list_logical_devices(kind)]
    names = [name for name in names if own in name]
    return tf.distribute.MirroredStrategy(names) if len(names) > 1 else tf.distribute.get_strategy()


def num_visible_gpus():
    return len(tf.config.list_physical_devices("GPU"))


def _strategy_of_workers(cluster, num_gpus):
    # One kind of job, whatever the environment calls them. GPUs are counted here, because the
    # number that TensorFlow finds by itself may be wrong.
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(cluster.addresses)}),
        task_type="worker",
        task_id=cluster.index,
        num_accelerators={"GPU": num_gpus} if num_gpus else {},
        rpc_layer="grpc",
    )
    return tf.distribute.MultiWorkerMirroredStrategy(resolver)


def prepare_graph_optimizer():
    """Sets up TensorFlow's graph optimizer for training; networks that only draw do without."""
    if not tf.config.list_logical_devices("GPU"):
        # On the CPU this pass fails on our second-order gradients and says so in alarming words.
        # Without it the step is as fast (ratio 0.98 to 1.02).
        tf.config.optimizer.set_experimental_options({"remapping": False})
