"""Several processes, on one host or many, that train the same networks together."""
