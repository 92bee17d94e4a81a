"""Whether a function of one's own is the same as before: its code and all that the code names.

    add_function(digest, function, add)

adds bytecode, constants, default values, closure and the globals that are used; functions among
those likewise. Functions of TensorFlow, Keras, NumPy and `math` are known by their names. Whatever
is neither (a module or an object of one's own, a source of chance) has no key.
"""

import builtins
import dis
import functools
import operator
import sys
import types

PACKAGE = "cnnvis_helpers"
TRUSTED = {"tensorflow", "keras", "numpy", "math", PACKAGE}
_STATEFUL = {
    "open", "input", "eval", "exec", "compile", "globals", "locals", "vars", "__import__", "id",
    "getattr", "setattr", "hash",
}  # fmt: skip
_FACTS = ("co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_flags", "co_varnames")
_NAMES = ("co_names", "co_freevars", "co_cellvars")


class NoKey(Exception):
    """This call cannot be told from others for sure; the text says why."""


def add_function(digest, function, add, seen=()):
    """Add a function to a hash; raise NoKey where it cannot be told from another.

    Parameters
    ----------
    digest : hash with a method `update`
    function : Python function, partial, tf.function, or anything else that can be called
    add : function that adds a plain value (a number, text, an array, a list) to the hash and asks
        `other(value)` for any part of it that it does not know: add(value, other)
    seen : functions that are being added already
    """
    if any(function is one for one in seen):
        digest.update(b"function:itself")
        return
    seen = (*seen, function)

    def add_value(value):
        add(value, lambda part: _add_other(digest, part, add, seen))

    if _is_named(function):
        digest.update(f"named:{_name_of(function)}".encode())
    elif isinstance(function, functools.partial):
        digest.update(b"partial:")
        for part in (function.func, list(function.args), dict(function.keywords)):
            add_value(part)
    elif isinstance(getattr(function, "python_function", None), types.FunctionType):
        digest.update(b"tf.function:")  # what it compiles is this
        add_function(digest, function.python_function, add, seen)
    elif isinstance(function, types.FunctionType):
        _add_python(digest, function, add_value)
    else:
        raise NoKey(f"a function of type {type(function).__name__} has no key")


def _add_python(digest, function, add_value):
    digest.update(b"function:")
    used = {}
    for code in _codes(function.__code__):
        _add_code(digest, code)
        used.update(_globals_of(code, function.__globals__))
    try:
        held = [cell.cell_contents for cell in function.__closure__ or ()]
    except ValueError as error:
        raise NoKey("a function closes over a name that has no value yet") from error
    add_value([function.__defaults__, function.__kwdefaults__, held])
    add_value({name: used[name] for name in sorted(used)})
    if vars(function):
        add_value(dict(vars(function)))


def _add_other(digest, value, add, seen):
    """Add a part of a closure, of globals or of arguments that is not a plain value."""
    if isinstance(value, types.ModuleType):
        if value.__name__.partition(".")[0] not in TRUSTED:
            raise NoKey(f"a function uses the module {value.__name__!r}")
        digest.update(f"module:{value.__name__}".encode())
    elif type(value).__name__ in ("DType", "TensorShape") and _home(type(value)) == "tensorflow":
        digest.update(f"{type(value).__name__}:{value!r}".encode())
    elif isinstance(value, slice):
        digest.update(b"slice:")
        add([value.start, value.stop, value.step], _refuse)
    elif value is Ellipsis:
        digest.update(b"...")
    elif callable(value):
        add_function(digest, value, add, seen)
    else:
        _refuse(value)


def _refuse(value):
    raise NoKey(f"a function uses an object of type {type(value).__name__}")


def _codes(code):
    """A code object and all those within it, such as the body of a lambda."""
    yield code
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            yield from _codes(part)


def _add_code(digest, code):
    for name in (*code.co_names, *code.co_freevars):
        if "random" in name.lower() or "shuffle" in name.lower():
            raise NoKey(f"a function names {name!r}: it may come out differently each time")
    digest.update(code.co_code + getattr(code, "co_exceptiontable", b""))
    told = [repr(getattr(code, fact)) for fact in (*_FACTS, *_NAMES)]
    told += [_constant(part) for part in code.co_consts]
    digest.update("\0".join(told).encode("utf-8", "surrogatepass"))


def _constant(value):
    """A constant in words that are the same in every process."""
    if isinstance(value, types.CodeType):
        return "code"  # it is added on its own
    if isinstance(value, (tuple, frozenset)):
        parts = [_constant(part) for part in value]
        return f"{type(value).__name__}{parts if isinstance(value, tuple) else sorted(parts)}"
    return f"{type(value).__name__}:{value!r}"


def _globals_of(code, room):
    """Return {name: value} of the globals that a code object uses."""
    found = {}
    for step in dis.get_instructions(code):
        name = step.argval
        if step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            raise NoKey(f"a function sets the global {name!r}")
        if step.opname == "IMPORT_NAME" and name.partition(".")[0] not in TRUSTED:
            raise NoKey(f"a function imports {name!r}")
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            if name in room:
                found[name] = room[name]
            elif not hasattr(builtins, name) or name in _STATEFUL:
                raise NoKey(f"a function uses {name!r}, which may be anything")
    return found


def _home(value):
    return (getattr(value, "__module__", None) or "").partition(".")[0]


def _name_of(value):
    name = getattr(value, "__qualname__", value.__name__)
    return f"{getattr(value, '__module__', None) or 'numpy'}.{name}"


def _is_named(value):
    """Whether a name of a library, or of the language, stands for just this object."""
    import numpy as np

    if isinstance(value, np.ufunc):
        return getattr(np, value.__name__, None) is value
    name = getattr(value, "__qualname__", None)
    if not name or _home(value) not in {*TRUSTED, "builtins"}:
        return False
    if _home(value) == "builtins" and name in _STATEFUL:
        return False
    try:
        found = operator.attrgetter(name)(sys.modules[value.__module__])
    except (AttributeError, KeyError):
        return False
    return found is value
