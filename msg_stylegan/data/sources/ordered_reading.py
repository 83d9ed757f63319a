"""Decodes images ahead of their use, in threads."""

import collections
import concurrent.futures
import contextlib


@contextlib.contextmanager
def decoding(name):
    """Turns any error in the block into a `ValueError` that names the image."""
    try:
        yield
    # Pillow's decoders meet a damaged file with many kinds of errors.
    except Exception as error:
        raise ValueError(f"{name} cannot be read as an image: {error}") from error


def read_in_order(source, order, num_threads):
    """Yields `(name, image)` of a source in the given order, decoding ahead in threads.

    Args:
        source: Anything with `name(index)` and `read(index)`.
        order: Image numbers.
        num_threads: Threads that decode; twice as many images are held in memory.
    """
    pending = collections.deque()
    indices = iter(order)
    with concurrent.futures.ThreadPoolExecutor(num_threads) as pool:
        try:
            for index in indices:
                pending.append((index, pool.submit(source.read, index)))
                if len(pending) >= 2 * num_threads:
                    first, future = pending.popleft()
                    yield source.name(first), future.result()
            for first, future in pending:
                yield source.name(first), future.result()
        finally:
            # After an error nobody wants the rest.
            for _, future in pending:
                future.cancel()
