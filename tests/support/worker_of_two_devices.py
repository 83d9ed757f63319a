"""`train.py` with two CPU devices in the process, of which a worker trains on the first."""

import sys

import tensorflow as tf

from msg_stylegan.commands.entrance import run_script

if __name__ == "__main__":
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, 2 * [tf.config.LogicalDeviceConfiguration()])
    sys.exit(run_script("train"))
