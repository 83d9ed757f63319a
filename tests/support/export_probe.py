"""Run by `test_export.py` in a process of its own: opens exported files without this project.

Arguments: name of the runtime, then triples of an exported file, a file of inputs and a file for
the images. Inputs are arrays `0/z`, `1/z` and so on, one group per call; so are images.
"""

import sys

import numpy as np


def saved_model(path):
    import tensorflow as tf

    model = tf.saved_model.load(path)

    def call(inputs):
        # Through the model, because a function alone does not keep its variables.
        function = model.signatures["serving_default"]
        return function(**{name: tf.constant(a) for name, a in inputs.items()})

    return call


def tflite(path):
    import tensorflow as tf

    return one_runner_per_batch_size(lambda: tf.lite.Interpreter(path).get_signature_runner())


def litert(path):
    from ai_edge_litert.interpreter import Interpreter

    return one_runner_per_batch_size(lambda: Interpreter(path).get_signature_runner())


def one_runner_per_batch_size(make_runner):
    """As docs/export.md tells users to do: others draw wrong images when the size has changed."""
    runners = {}

    def call(inputs):
        count = len(inputs["z"])
        if count not in runners:
            runners[count] = make_runner()
        return runners[count](**inputs)

    return call


def onnx(path):
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, inputs), strict=True))


def forbid_the_project():
    sys.modules["msg_stylegan"] = None
    try:
        import msg_stylegan  # noqa: F401
    except ImportError:
        return
    raise AssertionError("the project can be imported")


def main(runtime, *paths):
    forbid_the_project()
    for file, inputs_file, target in zip(paths[::3], paths[1::3], paths[2::3], strict=True):
        calls = {}
        for key, array in np.load(inputs_file).items():
            number, _, name = key.partition("/")
            calls.setdefault(number, {})[name] = array
        function, images = globals()[runtime](file), {}
        for number, inputs in calls.items():
            images |= {f"{number}/{name}": np.array(a) for name, a in function(inputs).items()}
        np.savez(target, **images)
    assert sys.modules["msg_stylegan"] is None


if __name__ == "__main__":
    main(*sys.argv[1:])
