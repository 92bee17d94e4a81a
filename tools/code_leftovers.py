"""Leave statements out of Python code, and with them what only they needed.

without(code, is_aside) -> code without imports and assertions
without_leftovers(code, source, later) -> code without what was assigned for the rest of source
"""

import ast
import builtins

_PLAIN = {"np", "tf", "keras", "Path", *dir(builtins)}  # calls of these are no step of a lesson


def without(code, unwanted):
    """Code without the statements, at any depth, that are unwanted and leave others beside them."""
    lines, gone = code.splitlines(), set()
    for block in _blocks(ast.parse(code)):
        drop = [node for node in block if unwanted(node)]
        if len(drop) < len(block):
            gone.update(n for node in drop for n in range(_first_line(node) - 1, node.end_lineno))
    return "\n".join(line for n, line in enumerate(lines) if n not in gone).strip("\n")


def _blocks(tree):
    """Yield every list of statements in a tree; the outermost may lose all of them."""
    yield [*tree.body, ast.Pass()]
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if node is not tree and isinstance(block, list) and block:
                yield block


def _first_line(node):
    return min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])


def is_aside(node):
    """Whether a statement is an import, an assertion, or a block with nothing else inside."""
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.Assert)):
        return True
    block = isinstance(node, (ast.If, ast.For)) and not node.orelse
    return block and all(map(is_aside, node.body))


def only_draws(node):
    """Whether a statement is a call of show_... or a figure_row with its block."""
    if isinstance(node, ast.With):
        node = node.items[0].context_expr
    elif isinstance(node, ast.Expr):
        node = node.value
    name = getattr(getattr(node, "func", None), "id", "")
    return name.startswith(("show_", "compare_maps", "figure_row"))


def without_leftovers(code, source, later=()):
    """Return code without assignments that served only what `code` no longer has of `source`.

    Gone is what a block did for an assertion alone, and what is plain preparation for a drawing: no
    step with a function of the course, made of nothing in this code, without a comment. Names
    that `later`, a list of sources, needs stay, as does everything that the code itself reads.
    """
    asides, drawings = _uses_of(ast.parse(source))
    blocks = _blocks_of_assertions(ast.parse(source))
    while True:
        tree, lines = ast.parse(code), code.splitlines()
        read = _names_read(tree)
        made = [name for node in ast.walk(tree) for name in _assigned(node)]

        def left(node, read=read, made=made, lines=lines, served=asides | drawings):
            names = _assigned(node)
            if not names:
                block = isinstance(node, (ast.If, ast.For)) and not node.orelse
                return block and all(map(left, node.body))
            own = _names_read(node)
            if any(read.count(name) > own.count(name) or is_needed(name, later) for name in names):
                return False
            if ast.dump(node) in blocks:
                return True
            if not names & served or any(made.count(name) > 1 for name in names):
                return False
            plain = not _is_a_step(node.value)
            plain = plain and (_is_plain_call(node.value) or not {*made} & {*own})
            explained = any("#" in line for line in lines[node.lineno - 1 : node.end_lineno])
            return plain and not explained

        shorter = without(code, left)
        if shorter == code:
            return code
        code, gone = shorter, {*read} - {*_names_read(ast.parse(shorter))}
        drawings |= gone  # what only the assignments that went away had read


def _blocks_of_assertions(tree):
    """The statements, as dumps, of all blocks under an `if` that only lead to assertions."""
    blocks = [node.body for node in ast.walk(tree) if isinstance(node, ast.If)]
    only = [b for b in blocks if all(isinstance(node, (ast.Assign, ast.Assert)) for node in b)]
    return {ast.dump(node) for block in only for node in block}


def _assigned(node):
    """The names to which an assignment of plain names gives values; none for anything else."""
    targets = node.targets if isinstance(node, ast.Assign) else []
    names = [each for target in targets for each in getattr(target, "elts", [target])]
    return {each.id for each in names} if all(isinstance(n, ast.Name) for n in names) else set()


def _names_read(tree):
    """The names that a piece of code reads, as often as it does."""
    found = [
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    ]
    targets = [node.target for node in ast.walk(tree) if isinstance(node, ast.AugAssign)]
    return found + [target.id for target in targets if isinstance(target, ast.Name)]


def _uses_of(tree):
    """(names read by assertions and alt texts, names read by what only draws)."""
    asides, drawings = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) or (isinstance(node, ast.keyword) and node.arg == "alt"):
            asides.update(_names_read(node))
        elif only_draws(node):
            drawings.update(_names_read(node))
    return asides, drawings


def _is_a_step(value):
    """Whether a value comes from a method of the course rather than from plain arithmetic."""
    called = [node.func for node in ast.walk(value) if isinstance(node, ast.Call)]
    while any(isinstance(each, ast.Attribute) for each in called):
        called = [each.value if isinstance(each, ast.Attribute) else each for each in called]
    return any(isinstance(each, ast.Name) and each.id not in _PLAIN for each in called)


def _is_plain_call(value):
    """Whether a value is made by a function of Python itself, such as `dict(vmax=limit)`."""
    return isinstance(value, ast.Call) and getattr(value.func, "id", "") in dir(builtins)


def is_needed(name, later):
    """Whether one of some sources reads a name before one of them gives it a new value."""
    for source in later:
        for node in ast.parse(source).body:
            if name in _names_read(node) and name not in _own_names(node):
                return True
            if name in _assigned(node):
                return False
    return False


def _own_names(node):
    """Names that a statement binds inside itself: arguments, variables of loops and functions."""
    found = set()
    for each in ast.walk(node):
        if isinstance(each, ast.arg):
            found.add(each.arg)
        elif isinstance(each, (ast.For, ast.comprehension)):
            found |= {n.id for n in ast.walk(each.target) if isinstance(n, ast.Name)}
        elif isinstance(node, ast.FunctionDef):
            found |= _assigned(each)
    return found
