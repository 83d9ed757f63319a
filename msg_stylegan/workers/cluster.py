"""Which processes train together, and which of them this is."""

import json
import re
from dataclasses import dataclass

from msg_stylegan.workers.addresses import ADDRESS

# As the only entry of `hardware.workers`.
SLURM = "slurm"
# Jobs that share a node should not meet at a port; all are below those that systems hand out.
_SLURM_PORTS = range(12_000, 32_000)


@dataclass(frozen=True)
class Cluster:
    """Processes that train together, as one of them sees them.

    Attributes:
        addresses: `host:port` of each. The first one is the chief, which writes the run.
        index: Which one this process is.
    """

    addresses: tuple[str, ...]
    index: int


def find_cluster(workers, index, environ):
    """Finds out whether this process trains with others.

    Args:
        workers: `hardware.workers`: addresses, `("slurm",)`, or nothing for what TF_CONFIG says.
        index: Which of the addresses is this process; None if that was not said.
        environ: Environment variables.

    Returns:
        `Cluster`, or None for a process by itself.

    Raises:
        ValueError: It cannot be told which process this is, or the environment cannot be used.
    """
    if workers and workers != (SLURM,):
        return _of_addresses(workers, index)
    if index is not None:
        raise ValueError(
            "--worker says which address of hardware.workers this process has. "
            + ("Slurm says it by itself." if workers else "There are no such addresses.")
        )
    cluster = _of_slurm(environ) if workers else _of_tf_config(environ)
    return cluster if len(cluster.addresses) > 1 else None


def _of_addresses(workers, index):
    last = len(workers) - 1
    if index is None:
        raise ValueError(
            f"hardware.workers names {len(workers)} processes. Add --worker=N, from 0 to {last}, "
            "to say which one this is; or train in this process alone by "
            "--config.hardware.workers=none."
        )
    if not 0 <= index <= last:
        raise ValueError(f"--worker={index}: must be from 0 to {last}, as hardware.workers says")
    return Cluster(tuple(workers), index)


def _of_tf_config(environ):
    """The cluster of TF_CONFIG, as TensorFlow's documentation describes it."""
    text = environ.get("TF_CONFIG", "")
    try:
        config = json.loads(text or "{}")
        jobs = {name: list(tasks) for name, tasks in config.get("cluster", {}).items()}
        # Both names stand for the first worker.
        chief = jobs.get("chief", []) + jobs.get("master", [])
        addresses = (*chief, *jobs.get("worker", []))
        task = config.get("task", {})
        kind, number = task.get("type", "worker"), int(task.get("index", 0))
        if not all(isinstance(address, str) for address in addresses):
            raise TypeError
    except (AttributeError, TypeError, ValueError):
        raise ValueError(f"TF_CONFIG cannot be understood: {text[:200]!r}") from None
    for address in addresses if len(addresses) > 1 else ():
        if not re.fullmatch(ADDRESS, address):
            raise ValueError(
                f"TF_CONFIG names the address {address!r}. Expected HOST:PORT, ports from 1 to "
                "65535."
            )
    if len(addresses) > 1 and kind not in ("chief", "master", "worker"):
        raise ValueError(f"TF_CONFIG gives this process the task {kind!r}. Use workers only.")
    index = number + (len(chief) if kind == "worker" else 0)
    if addresses and not 0 <= index < len(addresses):
        raise ValueError(f"TF_CONFIG has no address for the task {kind} {number}: {text[:200]!r}")
    return Cluster(addresses, index)


def _of_slurm(environ):
    """The tasks of a Slurm step, in the order of their ranks.

    `tf.distribute.cluster_resolver.SlurmClusterResolver` is not used: it sorts hosts as texts, n10
    before n9, whereas ranks follow Slurm's order, and needs a GPU for every task.
    """

    def variable(name):
        value = environ.get(f"SLURM_{name}")
        if value is None:
            raise ValueError(
                f"hardware.workers=slurm, but there is no SLURM_{name}. Start the program by srun."
            )
        return value

    rank = int(variable("PROCID"))
    hosts = hosts_of(variable("STEP_NODELIST"))
    counts = _counts_of(variable("STEP_TASKS_PER_NODE"))
    if len(hosts) != len(counts):
        raise ValueError(f"Slurm names {len(hosts)} hosts, but numbers of tasks for {len(counts)}.")
    first = _SLURM_PORTS[int(environ.get("SLURM_JOB_ID", 0)) % len(_SLURM_PORTS)]
    nodes = [node for node, count in enumerate(counts) for _ in range(count)]
    if str(nodes[rank]) != environ.get("SLURM_NODEID", str(nodes[rank])):
        raise ValueError(
            "Slurm has not given the tasks to the nodes one node after the other. Add "
            "--distribution=block to srun."
        )
    addresses = (
        f"{host}:{first + task}"
        for host, count in zip(hosts, counts, strict=True)
        for task in range(count)
    )
    return Cluster(tuple(addresses), rank)


def hosts_of(node_list):
    """Hosts of a node list of Slurm, such as `n[1-2,05],m5`, in its order."""
    # Commas inside of brackets do not separate hosts.
    hosts = []
    for part in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", node_list):
        names = [""]
        for text, numbers in re.findall(r"([^\[]+)|\[([^\]]*)\]", part):
            endings = [text] if text else _numbers_of(numbers)
            names = [name + ending for name in names for ending in endings]
        hosts += names
    return hosts


def _numbers_of(text):
    numbers = []
    for part in text.split(","):
        low, _, high = part.partition("-")
        # Numbers keep their zeros in front.
        width = len(low)
        numbers += [f"{number:0{width}d}" for number in range(int(low), int(high or low) + 1)]
    return numbers


def _counts_of(text):
    """Numbers such as `2(x3),1` means."""
    counts = []
    for count, times in re.findall(r"(\d+)(?:\(x(\d+)\))?", text):
        counts += [int(count)] * int(times or 1)
    return counts
