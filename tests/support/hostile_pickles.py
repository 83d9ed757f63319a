"""Pickles that attack their reader: by what they run, and by what they claim."""

import io
import os
import pickle
import struct

from support import tflib_writer


class Call:
    """An object whose pickle calls a function."""

    def __init__(self, function, *args):
        self._reduced = function, args

    def __reduce__(self):
        return self._reduced


def _write(protocol, function, *args):
    return pickle.dumps(Call(function, *args), protocol)


def running(command):
    """Dict of what it does -> pickle that runs a shell command, or Python code, when loaded."""
    code = f"__import__('os').system({command!r})"
    text = pickle.dumps(command, 0)[:-1]
    call = {
        f"system in protocol {n}": _write(n, os.system, command)
        for n in range(pickle.HIGHEST_PROTOCOL + 1)
    }
    nested = io.BytesIO()
    pickle.dump({"weights": [1.0, (Call(os.system, command), 2)]}, nested, 2)
    return call | {
        "eval": _write(2, eval, code),
        "exec": _write(4, exec, code),
        "getattr": _write(2, getattr, Call(__import__, "os"), "system"),
        "call inside of a call": _write(2, tuple, Call(os.system, command)),
        "deep in a state dict": nested.getvalue(),
        "instance of protocol 0": b"(" + text + b"ios\nsystem\n.",
        "object of protocol 1": b"(cos\nsystem\n" + text + b"o.",
        "new object": b"\x80\x02cos\nsystem\n(" + text + b"t\x81.",
        "new object with names": b"\x80\x04cos\nsystem\n(" + text + b"t}\x92.",
        "through an allowed name": b"cnumpy\nndarray.__class__\n(" + text + b"tR.",
        "through the module of an allowed name": b"cnumpy.core\nmultiarray\n(" + text + b"tR.",
        "as the class of an array": (
            b"cnumpy.core.multiarray\n_reconstruct\n(cos\nsystem\n(I0\ntS'b'\ntR."
        ),
        "as parent of an object": (
            b"ccopy_reg\n_reconstructor\n(cos\nsystem\nc__builtin__\nobject\nNtR."
        ),
        "extension registry": b"\x80\x02\x82\x01(" + text + b"tR.",
    }


def inside_networks(command):
    """Dict of what it does -> pickle of a network of tflib with a call in one of its places."""
    call = Call(os.system, command)
    places = {
        "as a name": {"name": call},
        "as a version": {"version": call},
        "among the settings": {"static_kwargs": {"resolution": call}},
        "as settings": {"static_kwargs": call},
        "as a part": {"components": {"synthesis": call}},
        "as a variable": {"variables": [("weight", call)]},
        "as the name of a variable": {"variables": [(call, 1)]},
        "as variables": {"variables": call},
        "as the source": {"build_module_src": call},
        "as the function": {"build_func_name": call},
        "as something else": {"more": call},
    }
    return {
        place: tflib_writer.dumps(tflib_writer.network("G", "G_style", {}, {}, **changes))
        for place, changes in places.items()
    } | {
        "as the discriminator": tflib_writer.dumps(
            (tflib_writer.network("G", "G_style", {}, {}), call)
        ),
        "as the state": (
            b"cdnnlib.tflib.network\nNetwork\n)\x81cos\nsystem\n("
            + pickle.dumps(command, 0)[:-1]
            + b"tRb."
        ),
    }


def changing():
    """Dict of what it does -> pickle that tries to change our own classes and functions."""
    network = b"cdnnlib.tflib.network\nNetwork\n"
    return {
        "state of a function": b"c_codecs\nencode\n}S'x'\nI1\nsb.",
        "slots of a function": b"c_codecs\nencode\n(N}S'__defaults__'\n(I1\ntstb.",
        "state of a class": network + b"}S'resolve'\nI1\nsb.",
        "state of a list": b"](I1\nS'append'\ntb.",
        "a function as a value": b"c_codecs\nencode\n.",
        "a mark as a function": b"cnumpy\nndarray\n)R.",
        "something as a function": b"I1\n)R.",
    }


def growing():
    """Dict of what it does -> small pickle that would fill the memory or the stack."""
    laughs = b"]q\x00" + b"".join(b"](" + b"h%c" % i * 10 + b"eq%c" % (i + 1) for i in range(40))
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
        b"(I1\n%scnumpy\ndtype\n(S'f4'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\n%stb."
    )
    long_text = (
        b"\x80\x02X" + struct.pack("<I", 10**6) + b"x" * 10**6 + b"q\x00c_codecs\nencode\nq\x01"
    )
    return {
        "bytes of 2**60": b"\x80\x04\x8e" + struct.pack("<Q", 2**60) + b"x.",
        "bytes of 2**32 - 1": b"\x80\x03B\xff\xff\xff\xffx.",
        "text of 2**63": b"\x80\x04\x8d" + struct.pack("<Q", 2**63) + b"x.",
        "byte array of 2**50": b"\x80\x05\x96" + struct.pack("<Q", 2**50) + b"x.",
        "negative length": b"\x80\x02T\xff\xff\xff\xffx.",
        "long integer": b"\x80\x02\x8b\xff\xff\xff\x7f\x01.",
        "long integer that is there": b"\x80\x02\x8b"
        + struct.pack("<i", 10**6)
        + b"\x01" * 10**6
        + b".",
        "long integer in digits": b"L" + b"9" * 10**6 + b"L\n.",
        "frame of 2**60": b"\x80\x04\x95" + struct.pack("<Q", 2**60) + b"N.",
        "array of 2**40 numbers": array % (b"(L1099511627775L\nt", b"S'abcd'\n"),
        "array of 2**62 numbers": array % (b"(L2147483648L\nL2147483648L\nt", b"S'abcd'\n"),
        "array of minus 1 numbers": array % (b"(I-1\nt", b"S'abcd'\n"),
        "array of 1000 dimensions": array % (b"(" + b"I1\n" * 1000 + b"t", b"S'abcd'\n"),
        "array without contents": array % (b"(I1\nt", b"N"),
        "the same text encoded again and again": (
            long_text + b"(" + b"h\x01h\x00\x85R" * 1000 + b"l."
        ),
        "a list of lists of lists": laughs + b"0" * 5 + b".",
        "millions of lists": b"(" + b"]" * 600_000 + b"l.",
        "depth": b"](" * 200_000 + b"e" * 200_000 + b".",
        "depth of tuples as a key": b"}" + b")" + b"\x85" * 200_000 + b"Ns.",
        "a dictionary made again and again": (
            b"c"
            + b"collections\nOrderedDict\nq\x01]("
            + b"]I1\naI2\na" * 50_000
            + b"e\x85q\x02("
            + b"h\x01h\x02R" * 50_000
            + b"l."
        ),
    }
