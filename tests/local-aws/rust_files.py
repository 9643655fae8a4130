"""The files of a Rust crate and what each of them takes from the others, as its paths say. Tests aren't read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

# An inline module of tests in a text without comments and texts.
TESTS = re.compile(r"^#\[cfg\(test\)\]\n(pub\S* )?mod \w+ \{$.*?^\}\n?", re.MULTILINE | re.DOTALL)
# Comments and texts, which hold no paths; `'` begins a lifetime as well.
SILENT = re.compile(
    r"""//[^\n]*|/\*.*?\*/|\bb?c?r(?P<hashes>\#+)".*?"(?P=hashes)|\bb?c?r".*?"|"(?:\\.|[^"\\])*"|'(?:\\[^']+|[^'\\])'""",
    re.DOTALL,
)
TOKEN = re.compile(r"r#\w+|\w+|::|->|=>|'\w+|\S")
ITEM = {"struct", "enum", "union", "trait", "fn", "type", "const", "static"}
# What may stand before a kind of item.
BEFORE = {"async", "unsafe", "extern", "default", "auto", "_"}
PAIRS = {"(": ")", "[": "]", "{": "}"}


@dataclass
class Module:
    """A module: what it defines, what it imports under which name, and the paths in it."""

    file: Path
    parent: "Module | None" = None
    children: dict[str, "Module"] = field(default_factory=dict)
    defined: set[str] = field(default_factory=set)
    imported: dict[str, list[str]] = field(default_factory=dict)
    everything_of: list[list[str]] = field(default_factory=list)
    paths: list[list[str]] = field(default_factory=list)
    # The types that get methods here, other than those of a trait.
    impls: list[list[str]] = field(default_factory=list)

    def root(self) -> "Module":
        return self.parent.root() if self.parent else self

    def all(self) -> Iterator["Module"]:
        yield self
        for child in self.children.values():
            yield from child.all()

    def home(self, path: list[str], seen: frozenset = frozenset()) -> Path | None:
        """The file that defines what a path names; None for what other crates define."""
        if not path or path == ["*"]:
            return self.file
        first, *rest = path
        if (id(self), *path) in seen:
            return None
        seen |= {(id(self), *path)}
        if step := self.step(first):
            return step.home(rest, seen)
        if first in self.defined:
            return self.file
        if first in self.imported:
            return self.home([*self.imported[first], *rest], seen)
        homes = (module.home(path, seen) for module in map(self.module, self.everything_of) if module)
        return next((home for home in homes if home), None)

    def step(self, name: str) -> "Module | None":
        return {"crate": self.root(), "self": self, "super": self.parent}.get(name) or self.children.get(name)

    def module(self, path: list[str]) -> "Module | None":
        module: Module | None = self
        for name in path:
            module = module and module.step(name)
        return module


def roots(folder: Path) -> list[Path]:
    """The files with which the crates of a package begin, but for those of its tests."""
    names = ("src/lib.rs", "src/main.rs", "build.rs")
    several = (f"{of}/{name}" for of in ("src/bin", "examples") for name in ("*.rs", "*/main.rs"))
    return [file for name in (*names, *several) for file in sorted(folder.glob(name))]


def packages(manifest: dict, kinds: tuple[str, ...], shared: dict) -> set[str]:
    """The packages that a manifest depends on in these kinds of tables; `shared` are the workspace's dependencies."""
    found: set[str] = set()
    for table in (manifest, *manifest.get("target", {}).values()):
        for name, wanted in (item for kind in kinds for item in table.get(kind, {}).items()):
            one = shared.get(name, {}) if isinstance(wanted, dict) and wanted.get("workspace") else wanted
            found.add(one.get("package", name) if isinstance(one, dict) else name)
    return found


def naming(folder: Path, word: str) -> list[Path]:
    """The files of a folder that hold a word, or have it in their names."""
    files = (file for file in folder.rglob("*") if file.is_file())
    texts = ((file, bytes(file.relative_to(folder)) + b"\n" + file.read_bytes()) for file in files)
    return [file for file, text in texts if word.encode() in text.lower()]


def read(root: Path) -> Module:
    """The crate that begins with this file."""
    module = Module(root)
    _file(module, root.parent)
    return module


def arrows(crate: Module) -> dict[Path, set[Path]]:
    """From each file to those that define what it uses. To declare a module and to export its names isn't to use it."""
    found: dict[Path, set[Path]] = {module.file: set() for module in crate.all()}
    for module in crate.all():
        used = (path for path in module.paths if len(path) > 1 or path[0] in module.imported)
        homes = {module.home(path) for path in used}
        found[module.file] |= {home for home in homes if home and home != module.file}
    return found


def circles(graph: dict[Path, set[Path]]) -> list[set[Path]]:
    """The sets of files each of which leads to all others of its set."""
    reach = {start: _reached(graph, start) for start in graph}
    found: list[set[Path]] = []
    for start in graph:
        circle = {end for end in reach[start] if start in reach[end]}
        if circle and circle not in found:
            found.append(circle)
    return found


def back_doors(crate: Module) -> list[tuple[Path, str]]:
    """The files that give methods to a type which another file defines, with its name."""
    homes = ((module.file, module.home(of), "::".join(of)) for module in crate.all() for of in module.impls)
    return [(file, name) for file, home, name in homes if home not in (None, file)]


def product_lines(file: Path) -> int:
    """How many lines a file has without its tests."""
    text = file.read_text()
    blank = SILENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    for tests in reversed(list(TESTS.finditer(blank))):
        text = text[: tests.start()] + text[tests.end() :]
    return len(text.rstrip().splitlines())


def _reached(graph: dict[Path, set[Path]], start: Path) -> set[Path]:
    reached: set[Path] = set()
    ahead = list(graph[start])
    while ahead:
        node = ahead.pop()
        if node not in reached:
            reached.add(node)
            ahead += graph[node]
    return reached


def _file(module: Module, folder: Path) -> None:
    code = SILENT.sub(lambda match: " " if match[0].startswith("/") else " _ ", module.file.read_text())
    _items(module, TOKEN.findall(code), folder)


def _items(module: Module, tokens: list[str], folder: Path) -> None:
    at = 0
    while at < len(tokens):
        start = at
        is_test = False
        while tokens[at] == "#":
            end = _closing(tokens, at + 2 if tokens[at + 1] == "!" else at + 1)
            is_test |= tokens[at : end + 1] == ["#", "[", "cfg", "(", "test", ")", "]"]
            at = end + 1
            if at == len(tokens):
                return
        end = _end(tokens, at)
        if not is_test:
            _item(module, tokens[start:at], tokens[at : end + 1], folder)
        at = end + 1


def _end(tokens: list[str], at: int) -> int:
    """Where the item ends that begins at `at`."""
    is_value = False
    first = next(index for index in count(at) if tokens[index] not in ("pub", "(", "crate", "super", "in", ")"))
    is_use = tokens[first] in ("use", "const", "static", "type")
    while tokens[at] != ";":
        is_value |= tokens[at] == "="
        if tokens[at] in PAIRS:
            is_body = tokens[at] == "{" and not is_use
            at = _closing(tokens, at)
            if is_body:
                return at
        at += 1
    return at


def _closing(tokens: list[str], at: int) -> int:
    depth = 0
    for index in count(at):
        depth += (tokens[index] in PAIRS) - (tokens[index] in PAIRS.values())
        if depth == 0:
            return index
    raise AssertionError("a source without its end")


def _item(module: Module, attributes: list[str], tokens: list[str], folder: Path) -> None:
    module.paths += _paths(attributes)
    at = 0
    if tokens[0] == "pub":
        at = _closing(tokens, 1) + 1 if tokens[1] == "(" else 1
    kind, name = tokens[at], tokens[at + 1]
    if kind == "use":
        for path, alias in _used(tokens[at + 1 : -1]):
            if path[-1] == "*":
                module.everything_of.append(path[:-1])
            else:
                module.imported[alias] = path
            if at == 0:
                module.paths.append(path)
    elif kind == "mod":
        if tokens[-1] == ";":
            file = folder / f"{name}.rs"
            file = file if file.exists() else folder / name / "mod.rs"
            child = module.children[name] = Module(file, module)
            _file(child, folder / name)
        else:
            child = module.children[name] = Module(module.file, module)
            _items(child, tokens[at + 3 : -1], folder / name)
    elif kind == "macro_rules":
        module.defined.add(tokens[at + 2])
        module.paths += _paths(tokens)
    else:
        if kind == "impl" or tokens[at : at + 2] == ["unsafe", "impl"]:
            module.impls += _with_methods(tokens[tokens.index("impl") + 1 :])
        kinds = [index for index in range(at, min(at + 5, len(tokens))) if tokens[index] in ITEM]
        while kinds and tokens[kinds[0] + 1] in ITEM | BEFORE:
            kinds = kinds[1:]
        if kinds and kind in ITEM | BEFORE:
            module.defined.add(tokens[kinds[0] + 1])
        module.paths += _paths(tokens)


def _used(tokens: list[str], before: tuple[str, ...] = ()) -> Iterator[tuple[list[str], str]]:
    """The paths of a `use`, each with the name that it gets."""
    path = list(before)
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token == "{":
            end = _closing(tokens, at)
            start = at + 1
            for index in range(at + 1, end + 1):
                is_deep = tokens[start:index].count("{") != tokens[start:index].count("}")
                if (tokens[index] == "," or index == end) and not is_deep:
                    if start < index:
                        yield from _used(tokens[start:index], tuple(path))
                    start = index + 1
            return
        if token == "as":
            yield path, tokens[at + 1]
            return
        if token == "self" and path:
            break
        if token != "::":
            path.append(token)
        at += 1
    yield path, path[-1]


def _with_methods(tokens: list[str]) -> list[list[str]]:
    """The path of the type of an `impl`, unless that is of a trait."""
    depth, path = 0, []
    for index, token in enumerate(tokens):
        if depth == 0 and token in ("{", "where"):
            break
        if depth == 0 and token == "for":
            return []
        depth += (token == "<") - (token == ">")
        if depth == 0 and re.fullmatch(r"\w+", token):
            path = [*path, token] if path and tokens[index - 1] == "::" else [token]
    return [path] if path else []


def _paths(tokens: list[str]) -> list[list[str]]:
    """The paths in code, and its single names, which may be imported ones."""
    found, path = [], []
    for index, token in enumerate(tokens):
        if not re.fullmatch(r"\w+", token):
            continue
        before = tokens[index - 1] if index else ""
        if before == "::" and path:
            path.append(token)
            continue
        if before in ("::", "."):
            path = []
            continue
        path = [token]
        found.append(path)
    return found
