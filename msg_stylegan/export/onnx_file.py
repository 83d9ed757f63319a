"""Generators as ONNX files."""

# Version of the operations; runtimes from 2022 on know it.
_OPSET = 17


def write_onnx(G, options, path):
    """Writes an ONNX file with the standard operations only.

    Args:
        G: Generator.
        options: `ExportOptions`.
        path: File to write.

    Raises:
        ValueError: The packages for it are not installed.
    """
    try:
        import onnx
        import tf2onnx
    except ImportError as error:
        raise ValueError(
            f"The onnx format needs onnx and tf2onnx ({error}). Install them by: "
            'pip install -c constraints.txt -e ".[export]"'
        ) from error
    from msg_stylegan.export.image_function import image_function

    function = image_function(G, options)
    model, _ = tf2onnx.convert.from_function(
        function, input_signature=function.input_signature, opset=_OPSET
    )
    onnx.checker.check_model(model)
    onnx.save(model, path)
