"""The stack machine that reads pickles, without the instructions that import and call anything.

A pickle is a program for such a machine. This one knows the instructions that data needs and calls
functions out of a given table only. Every other name is refused, and so is a size that the file
itself could not fill.
"""

import re
import struct

# An instruction takes at least a byte of the file, but may cost a hundred bytes of memory. Pickles
# of networks hold some ten thousand instructions, whatever the sizes of their arrays.
MAX_INSTRUCTIONS = 2**19
_MAX_PROTOCOL = 5
_MAX_INTEGER_BYTES = 64
_MAX_NUMBER_TEXT = 400
# Larger keys could be chosen to collide in a dictionary.
_MAX_INTEGER_KEY = 2**60

_PYTHON2_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"\\": b"\\", b"'": b"'", b'"': b'"'}


class RefusedGlobalError(ValueError):
    """The pickle names something that is not in the table."""

    def __init__(self, name):
        super().__init__(
            f"It names {name!r}, which is not plain data. Reading it could run code, so nothing "
            "was read."
        )
        self.name = name


class Deferred:
    """A value that can be made only after the whole pickle has been read."""

    __slots__ = ()
    # Bytes of the value, counted against the size of the file.
    nbytes = 0

    def set_state(self, state):
        """Receives the state that the pickle gives to an object after making it."""
        raise ValueError(f"It gives a state to {type(self).__name__}, which has none.")

    def resolve(self, resolve):
        """Returns the value; `resolve` does the same for its parts."""
        raise NotImplementedError


class Global:
    """A name that the pickle imports."""

    __slots__ = ("construct", "name")

    def __init__(self, name, construct):
        self.name = name
        self.construct = construct


def global_name(value):
    """Name of a global that a function of the table or `persistent_load` received."""
    if not isinstance(value, Global):
        raise ValueError("It is damaged: a class is missing.")
    return value.name


def construct(value, *args):
    """Calls the function that stands for a global, as `copyreg._reconstructor` needs it."""
    if not isinstance(value, Global) or value.construct is None:
        raise ValueError(
            f"It calls {getattr(value, 'name', 'something')}, which is not a function."
        )
    return value.construct(*args)


class Machine:
    """One run over a pickle, see `inert_pickle.parse_pickle`."""

    def __init__(self, data, start, table, persistent_load):
        self.position = start
        self.data = data
        self._table = table
        self._persistent_load = persistent_load
        self._memo = {}
        self.stack = []
        self._outer_stacks = []
        self._instructions_left = MAX_INSTRUCTIONS
        # What is made out of the file is about as large as the file, unless it was built to grow.
        self._bytes_left = 2 * len(data) + 2**16

    def run(self):
        while True:
            self._count(1)
            code = self.take(1)
            if code == b".":
                return self.stack.pop()
            if code not in _INSTRUCTIONS:
                raise ValueError(
                    f"It is not a pickle of data: instruction {code!r} is not allowed."
                )
            _INSTRUCTIONS[code](self)

    # Reading.

    def take(self, count):
        end = self.position + count
        if count < 0 or end > len(self.data):
            raise ValueError(
                "It ends too early or claims more bytes than it has. Download it again."
            )
        piece = self.data[self.position : end]
        self.position = end
        return piece

    def number(self, code):
        return struct.unpack(f"<{code}", self.take(struct.calcsize(f"<{code}")))[0]

    def line(self, limit=None):
        end = self.data.find(b"\n", self.position)
        if end < 0:
            raise ValueError("It ends too early. Download it again.")
        line = self.take(end - self.position)
        self.position += 1
        if limit is not None and len(line) > limit:
            raise ValueError(f"It holds a number of {len(line)} digits.")
        return line

    def _count(self, steps):
        self._instructions_left -= steps
        if self._instructions_left < 0:
            raise ValueError(f"It has more than {MAX_INSTRUCTIONS} parts. No network does.")

    def _spend(self, num_bytes):
        self._bytes_left -= num_bytes
        if self._bytes_left < 0:
            raise ValueError("It would become much larger in memory than the file is.")

    # Stack and memo.

    def push(self, value):
        self.stack.append(value)

    def mark(self):
        self._outer_stacks.append(self.stack)
        self.stack = []

    def to_mark(self):
        items = self.stack
        self.stack = self._outer_stacks.pop()
        return items

    def pop(self):
        if self.stack:
            self.stack.pop()
        else:
            self.to_mark()

    def put(self, index):
        self._memo[index] = self.stack[-1]

    def get(self, index):
        self.push(self._memo[index])

    # Values.

    def integer_text(self):
        text = self.line(_MAX_NUMBER_TEXT)
        self.push(text == b"01" if text in (b"00", b"01") else int(text))

    def integer_bytes(self, count):
        if count > _MAX_INTEGER_BYTES:
            raise ValueError(f"It holds a whole number of {count} bytes.")
        self.push(int.from_bytes(self.take(count), "little", signed=True))

    def text(self, count):
        self.push(self.take(count).decode("utf-8"))

    def python2_text(self):
        line = self.line()
        if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in b"'\"":
            raise ValueError("It is damaged: text without quotes.")
        self.push(re.sub(rb"\\(x[0-9a-fA-F]{2}|.)", _unescape, line[1:-1]).decode("latin-1"))

    # Containers.

    def take_tuple(self, count):
        items = self.stack[len(self.stack) - count :]
        if len(items) < count:
            raise ValueError("It is damaged: too few values for a tuple.")
        del self.stack[len(self.stack) - count :]
        self.push(tuple(items))

    def append(self, items):
        target = self.stack[-1]
        if type(target) is not list:
            raise ValueError("It is damaged: it appends to something that is not a list.")
        target.extend(items)

    def set_items(self, items):
        target = self.stack[-1]
        if type(target) is not dict or len(items) % 2:
            raise ValueError("It is damaged: it stores into something that is not a dictionary.")
        target.update(checked_pairs(zip(items[::2], items[1::2], strict=True)))

    def filled(self, container):
        """Pushes a container made of everything above the mark."""
        items = self.to_mark()
        self.push(container)
        (self.set_items if container == {} else self.append)(items)

    # Objects.

    def find_global(self, module, name):
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("It is damaged: the name of a class is not text.")
        full_name = f"{module}.{name}"
        try:
            self.push(Global(full_name, self._table[full_name]))
        except KeyError:
            raise RefusedGlobalError(full_name[:200]) from None

    def instance(self):
        self.find_global(self.line().decode(), self.line().decode())
        raise ValueError("It makes objects in a way that only code needs.")

    def call(self):
        args, function = self.stack.pop(), self.stack.pop()
        if type(args) is not tuple:
            raise ValueError("It is damaged: a call without arguments.")
        # A container may be an argument again and again.
        self._count(sum(len(arg) for arg in args if isinstance(arg, (dict, list, tuple))))
        result = construct(function, *args)
        if isinstance(result, (bytes, str)):
            self._spend(len(result))
        elif isinstance(result, Deferred):
            self._spend(result.nbytes)
        self.push(result)

    def build(self):
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, Deferred):
            target.set_state(state)
            self._spend(target.nbytes)
        elif type(target) is not dict:
            raise ValueError("It gives a state to something that has none.")
        # Attributes of a dictionary, such as the `_metadata` of PyTorch's, carry no values.

    def persistent(self, reference):
        if self._persistent_load is None:
            raise ValueError("It refers to something outside the file.")
        self.push(self._persistent_load(reference))


def _protocol(machine):
    version = machine.number("B")
    if version > _MAX_PROTOCOL:
        raise ValueError(f"It has pickle protocol {version}. Expected {_MAX_PROTOCOL} or less.")


def _frame(machine):
    size = machine.number("Q")
    if size > len(machine.data) - machine.position:
        raise ValueError("It ends too early or claims more bytes than it has. Download it again.")


def _global_from_stack(machine):
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.find_global(module, name)


_INSTRUCTIONS = {
    b"\x80": _protocol,
    b"\x95": _frame,
    # Stack and memo.
    b"(": Machine.mark,
    b"0": Machine.pop,
    b"1": Machine.to_mark,
    b"2": lambda m: m.push(m.stack[-1]),
    b"p": lambda m: m.put(int(m.line(_MAX_NUMBER_TEXT))),
    b"q": lambda m: m.put(m.number("B")),
    b"r": lambda m: m.put(m.number("I")),
    b"\x94": lambda m: m.put(len(m._memo)),
    b"g": lambda m: m.get(int(m.line(_MAX_NUMBER_TEXT))),
    b"h": lambda m: m.get(m.number("B")),
    b"j": lambda m: m.get(m.number("I")),
    # Numbers.
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"I": Machine.integer_text,
    b"L": lambda m: m.push(int(m.line(_MAX_NUMBER_TEXT).removesuffix(b"L"))),
    b"K": lambda m: m.push(m.number("B")),
    b"M": lambda m: m.push(m.number("H")),
    b"J": lambda m: m.push(m.number("i")),
    b"\x8a": lambda m: m.integer_bytes(m.number("B")),
    b"\x8b": lambda m: m.integer_bytes(m.number("i")),
    b"F": lambda m: m.push(float(m.line(_MAX_NUMBER_TEXT))),
    b"G": lambda m: m.push(struct.unpack(">d", m.take(8))[0]),
    # Text and bytes.
    b"S": Machine.python2_text,
    b"T": lambda m: m.push(m.take(m.number("i")).decode("latin-1")),
    b"U": lambda m: m.push(m.take(m.number("B")).decode("latin-1")),
    b"V": lambda m: m.push(m.line().decode("raw-unicode-escape")),
    b"X": lambda m: m.text(m.number("I")),
    b"\x8c": lambda m: m.text(m.number("B")),
    b"\x8d": lambda m: m.text(m.number("Q")),
    b"B": lambda m: m.push(m.take(m.number("I"))),
    b"C": lambda m: m.push(m.take(m.number("B"))),
    b"\x8e": lambda m: m.push(m.take(m.number("Q"))),
    b"\x96": lambda m: m.push(m.take(m.number("Q"))),
    # Containers.
    b")": lambda m: m.push(()),
    b"t": lambda m: m.push(tuple(m.to_mark())),
    b"\x85": lambda m: m.take_tuple(1),
    b"\x86": lambda m: m.take_tuple(2),
    b"\x87": lambda m: m.take_tuple(3),
    b"]": lambda m: m.push([]),
    b"l": lambda m: m.filled([]),
    b"a": lambda m: m.append([m.stack.pop()]),
    b"e": lambda m: m.append(m.to_mark()),
    b"}": lambda m: m.push({}),
    b"d": lambda m: m.filled({}),
    b"s": lambda m: m.set_items([m.stack.pop(), m.stack.pop()][::-1]),
    b"u": lambda m: m.set_items(m.to_mark()),
    # Objects.
    b"c": lambda m: m.find_global(m.line().decode(), m.line().decode()),
    b"i": Machine.instance,
    b"\x93": _global_from_stack,
    b"R": Machine.call,
    b"\x81": Machine.call,
    b"b": Machine.build,
    b"P": lambda m: m.persistent(m.line().decode()),
    b"Q": lambda m: m.persistent(m.stack.pop()),
}


def checked_pairs(pairs):
    """Passes key-value pairs on whose keys are text or small whole numbers."""
    for key, value in pairs:
        if type(key) is not str and not (isinstance(key, int) and abs(key) < _MAX_INTEGER_KEY):
            raise ValueError("It has a dictionary whose keys are neither text nor whole numbers.")
        yield key, value


def _unescape(match):
    code = match[1]
    if code[:1] == b"x" and len(code) == 3:
        return bytes([int(code[1:], 16)])
    return _PYTHON2_ESCAPES[code]
