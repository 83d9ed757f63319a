"""Calls a function ahead of the use of its results, in threads."""

import collections
import concurrent.futures


def results_ahead(function, tasks, num_threads):
    """Yields `function(task)` for all tasks, in order.

    Args:
        function: May be called by several threads at a time.
        tasks: Iterable.
        num_threads: Number of threads; twice as many results are held in memory.
    """
    pending = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(num_threads) as pool:
        try:
            for task in tasks:
                pending.append(pool.submit(function, task))
                if len(pending) >= 2 * num_threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            # After an error nobody wants the rest.
            for future in pending:
                future.cancel()
