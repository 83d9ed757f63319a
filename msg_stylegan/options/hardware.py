"""Options of the machine: devices, hosts, precision, compilation."""

from dataclasses import dataclass

from msg_stylegan.option import at_least, matching, one_of, option
from msg_stylegan.workers.addresses import ADDRESS


@dataclass(frozen=True)
class HardwareOptions:
    """What to run on and how."""

    num_gpus: int = option(0, "GPUs to use. 0 = all that are visible.", at_least(0))
    logical_cpus: int = option(
        0,
        "Train on that many logical CPU devices instead, to try several replicas. 0 = off.",
        at_least(0),
    )
    workers: tuple[str, ...] = option(
        (),
        "Processes that train together, on one host or many: HOST:PORT of each, the first of which "
        "writes the run, or slurm for the tasks of a Slurm step. Empty = what TF_CONFIG says.",
        matching(rf"slurm|{ADDRESS}", "be slurm or a list of HOST:PORT, ports from 1 to 65535"),
    )
    steps_per_call: int = option(16, "Training steps per compiled call.", at_least(1))
    deterministic: bool = option(
        False,
        "Ask TensorFlow for kernels that give the same bits every time. Slower on a GPU.",
    )
    precision: str = option(
        "float32",
        "Type of the activations in the highest scales of both networks: float32, mixed_bfloat16 "
        "or mixed_float16. All weights, losses and files are float32.",
        one_of("float32", "mixed_bfloat16", "mixed_float16"),
    )
    num_reduced_scales: int = option(
        4,
        "Highest scales that hardware.precision is about; never that of 4x4.",
        at_least(1),
    )
    xla: bool = option(
        False,
        "Compile the gradients by XLA, for every device. The first step then takes minutes.",
    )

    def problems(self, config, num_replicas):
        """What does not go together: a list of lines.

        Args:
            config: `Config`.
            num_replicas: Number of devices that share a batch, or None if not known yet.
        """
        problems = []
        if self.num_gpus and self.logical_cpus:
            problems.append(
                f"hardware.logical_cpus={self.logical_cpus}: must be 0 when "
                f"hardware.num_gpus={self.num_gpus} is given"
            )
        if self.precision != "float32" and _has_scogan(config):
            problems.append(
                f"hardware.precision={self.precision!r}: must be 'float32' with body='scogan', "
                "which has no blocks of single scales"
            )
        if self.xla:
            problems += self._xla_problems(config, num_replicas or self.logical_cpus)
        return problems + self._worker_problems()

    def _worker_problems(self):
        name = f"hardware.workers={','.join(self.workers)}"
        is_list = self.workers and self.workers != ("slurm",)
        if is_list and len({*self.workers} - {"slurm"}) < max(len(self.workers), 2):
            return [f"{name}: must be two or more different addresses, or slurm alone"]
        if self.workers and self.logical_cpus:
            return [
                f"hardware.logical_cpus={self.logical_cpus}: must be 0 with hardware.workers, each "
                "of which has one device for its CPU"
            ]
        return []

    def _xla_problems(self, config, num_replicas):
        rule = None
        if _has_scogan(config):
            rule = "must be False with body='scogan', whose batch norms move variables on the way"
        elif config.loss.loss_class.uses_batch_means and num_replicas > 1:
            rule = (
                f"must be False with loss.name={config.loss.name!r} on several devices, which "
                "compares what they have computed on the way"
            )
        return [f"hardware.xla=True: {rule}"] if rule else []


def _has_scogan(config):
    return "scogan" in (config.generator.body, config.discriminator.body)
