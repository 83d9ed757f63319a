"""The commands, one module each: the only part of the package that knows `metrics`."""
