"""The rules of docs/architecture.md that a program can check, read off the sources with `ast`."""

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("graphengine", "layers", "viz")
MAY_IMPORT = {
    "graphengine": {"graphengine", "numpy"},
    "layers": {"graphengine", "layers", "numpy"},
    "viz": {"graphengine", "layers", "viz", "numpy", "graphviz"},
}
# Used where they are installed, imported inside the function that needs them.
OPTIONAL = {"graphengine": {"threadpoolctl"}, "viz": {"matplotlib", "pygraphviz", "resvg_py"}}
LONGEST = 350
MUTATORS = {"append", "add", "extend", "insert", "update", "setdefault", "pop", "popitem", "remove", "discard", "clear"}

SOURCES = {
    path: ast.parse(path.read_text(encoding="utf-8")) for package in PACKAGES for path in (ROOT / package).rglob("*.py")
}
every_source = pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))


def package_of(path):
    return path.relative_to(ROOT).parts[0]


def imports(tree):
    """Every imported module of a file, and whether the import stands at the top of it (types only do not count)."""
    typing_only = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            typing_only |= {id(inner) for statement in node.body for inner in ast.walk(statement)}
    inside = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [node.module]
        for name in names:
            yield name, id(node) not in inside and id(node) not in typing_only


def test_there_is_something_to_check():
    assert {package_of(path) for path in SOURCES} == set(PACKAGES)
    assert len(SOURCES) > 50


@every_source
def test_imports_point_one_way_and_need_numpy_and_graphviz_only(path):
    package = package_of(path)
    allowed = MAY_IMPORT[package] | sys.stdlib_module_names
    for name, at_top in imports(SOURCES[path]):
        top = name.partition(".")[0]
        if not at_top and top in OPTIONAL.get(package, ()):
            continue
        assert top in allowed, f"{path.relative_to(ROOT)} imports {name}"


def test_viz_reads_nothing_private_of_the_layers_and_layers_nothing_private_of_the_engine():
    """Names with an underscore stay in the package that they belong to."""
    for path, tree in SOURCES.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or node.module.partition(".")[0] == package_of(path):
                continue
            private = [
                alias.name for alias in node.names if alias.name.startswith("_") and not alias.name.startswith("__")
            ]
            assert not private, f"{path.relative_to(ROOT)} imports {private} from {node.module}"


def test_graphviz_is_imported_in_one_file():
    found = [
        path.relative_to(ROOT)
        for path, tree in SOURCES.items()
        for name, _ in imports(tree)
        if name.partition(".")[0] == "graphviz"
    ]
    assert len(set(found)) == 1, found
    assert package_of(ROOT / found[0]) == "viz"


@every_source
def test_packages_print_nothing(path):
    if path.name == "__main__.py":
        return
    for node in ast.walk(SOURCES[path]):
        assert not (isinstance(node, ast.Call) and getattr(node.func, "id", None) == "print"), f"line {node.lineno}"


@every_source
def test_nothing_is_global(path):
    """No `global` statement, and no module-level container that a function changes, unless it is a registry."""
    tree = SOURCES[path]
    assert not any(isinstance(node, ast.Global) for node in ast.walk(tree))
    state = set()
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        state |= {target.id for target in targets if isinstance(target, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            local = {
                inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
            }
            local |= {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
            changed = (set(changes(node)) & state) - local
            assert not changed, f"{node.name}, line {node.lineno}, changes {sorted(changed)}"


def changes(function):
    """The names whose contents a function changes: `name[...] = x`, `name.append(x)`, `del name[...]`."""
    for node in ast.walk(function):
        if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            value = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
            value = node.func.value
        else:
            continue
        if isinstance(value, ast.Name):
            yield value.id


@every_source
def test_files_are_small_and_say_what_they_are_for(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST
    assert ast.get_docstring(SOURCES[path]) or not path.read_text().strip()


def public_things():
    """Every public class, function and method of the three packages, with its full name."""
    for package in PACKAGES:
        root = importlib.import_module(package)
        names = [package, *(info.name for info in pkgutil.walk_packages(root.__path__, f"{package}."))]
        for name in names:
            if name.endswith("__main__"):
                continue
            for label, thing in vars(importlib.import_module(name)).items():
                if label.startswith("_") or getattr(thing, "__module__", None) != name:
                    continue
                if inspect.isclass(thing) or inspect.isfunction(thing):
                    yield f"{name}.{label}", thing
                if inspect.isclass(thing):
                    for attribute, method in vars(thing).items():
                        if not attribute.startswith("_") and isinstance(
                            method, property | type(public_things) | classmethod | staticmethod
                        ):
                            yield f"{name}.{label}.{attribute}", getattr(thing, attribute)


def test_everything_public_has_a_docstring():
    """One of its own; a method that overrides one may leave it to that (an op's `forward` says nothing new)."""
    found = list(public_things())
    assert len(found) > 300
    assert not [name for name, thing in found if not inspect.getdoc(thing)]
    classes = [
        name for name, thing in found if inspect.isclass(thing) and "__doc__" in vars(thing) and not thing.__doc__
    ]
    assert not classes


def test_metadata_stands_in_setup_cfg_alone():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "project" not in settings
    assert "build-system" in settings


def test_importing_engine_and_layers_needs_numpy_and_nothing_else():
    program = (
        "import sys; before = set(sys.modules); import graphengine, layers; import numpy\n"
        "names = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(name for name in names - set(sys.stdlib_module_names) if 'cython' not in name))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(ast.literal_eval(done.stdout)) - {"_distutils_hack", "numpy"} == {"graphengine", "layers"}


def test_importing_viz_starts_no_renderer_and_no_plot():
    program = "import sys, viz; print([name for name in ('matplotlib', 'pygraphviz', 'torch') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
