"""Imports run one way, and files stay small.  Read from the source, so that nothing has to be installed or run."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {"forecast": ROOT / "forecast", "forecast.datasets": ROOT / "datasets", "forecast.cli": ROOT / "cli"}
LINKS = (ROOT / "forecast" / "datasets", ROOT / "forecast" / "cli")

# The layers from the bottom up: a module may import from its own layer and those below.  The longest prefix counts.
LAYERS = (
    (
        "forecast.cores",
        "forecast.errors",
        "forecast.folders",
        "forecast.plain",
        "forecast.startup",
        "forecast.tables",
        "forecast.versions",
    ),
    ("forecast.datasets.arrays", "forecast.datasets.schema", "forecast.datasets.source", "forecast.datasets.stored"),
    ("forecast.datasets.times", "forecast.datasets.timeline"),
    ("forecast.datasets.reading", "forecast.datasets.files", "forecast.datasets.frames"),
    ("forecast.datasets.roles", "forecast.datasets.roles_found", "forecast.datasets.panel"),
    ("forecast.datasets.rows",),
    ("forecast.datasets",),  # build, windows, splits, the catalogue and what is not named above
    ("forecast.layers",),
    ("forecast.outputs",),
    ("forecast.networks",),
    ("forecast.training",),
    ("forecast.transforms",),
    ("forecast.estimators",),
    ("forecast.baselines", "forecast.presets", "forecast.evaluation", "forecast.explanations", "forecast.streaming"),
    ("forecast.nesting",),
    ("forecast.packing",),
    ("forecast.ensembles",),
    ("forecast.intervals",),
    ("forecast.persistence", "forecast.sources", "forecast.curves"),
    ("forecast.tuning",),
    (
        "forecast.inspection",
        "forecast.automatic",
        "forecast.plots",
        "forecast.report",
        "forecast.tuning.files",
        "forecast.tuning.pictures",
        "forecast.tuning.task",
        "forecast.tuning.tune",
    ),
    ("forecast.calibration_plots", "forecast.explanation_plots"),
    ("forecast.verdict",),
    ("forecast.run_result",),
    ("forecast.report_content",),
    ("forecast.results_files",),
    ("forecast.run",),
    ("forecast",),  # the list of public names alone: every other module stands above
    ("forecast.cli",),
)
# What a lower layer may still name: doors that users meet on the class itself, opened inside a function.
DOORS = {
    ("forecast.estimators.base", "forecast.evaluation.backtest"),
    ("forecast.estimators.base", "forecast.evaluation.metrics"),
    ("forecast.estimators.base", "forecast.persistence"),
    ("forecast.estimators.judging", "forecast.evaluation.metrics"),
    ("forecast.estimators.neural", "forecast.explanations"),
    ("forecast.estimators.neural", "forecast.streaming"),
    ("forecast.evaluation.results", "forecast.calibration_plots"),
    ("forecast.explanations.explanation", "forecast.explanation_plots"),
}
HEAVY = {"torch", "pandas", "statsmodels", "sklearn", "plotly", "matplotlib", "scipy", "optuna", "narwhals"}
NEVER_AT_THE_TOP = {"statsmodels", "sklearn", "plotly", "matplotlib", "holidays", "pyarrow", "polars", "optuna"}


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its name."""
    found = {}
    for package, folder in FOLDERS.items():
        for path in sorted(folder.rglob("*.py")):
            if any(path.is_relative_to(link) for link in LINKS):
                continue
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join([package, *(part for part in parts if part != "__init__")])] = path
    return found


@cache
def imports(name: str, *, top_only: bool = False) -> tuple[str, ...]:
    """Modules that a module imports; names of ``from a import b`` count as ``a.b`` where that is a module."""
    tree = ast.parse(modules()[name].read_text())
    found = []
    for node in _at_run_time(tree, top_only=top_only):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively in line {node.lineno}"
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [full if full in modules() else str(node.module) for full in inner]
    return tuple(found)


def _at_run_time(node: ast.AST, *, top_only: bool):
    """All nodes but those under ``if TYPE_CHECKING`` and, with ``top_only``, those inside functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        if top_only and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        yield child
        yield from _at_run_time(child, top_only=top_only)


def layer(name: str) -> int:
    """The layer of a module: the longest prefix in ``LAYERS``."""
    matching = [
        (len(prefix), level)
        for level, prefixes in enumerate(LAYERS)
        for prefix in prefixes
        if name == prefix or (prefix != "forecast" and name.startswith(f"{prefix}."))
    ]
    assert matching, f"{name} has no place among the layers: give it one"
    return max(matching)[1]


@pytest.mark.parametrize("name", sorted(modules()))
def test_a_module_imports_only_from_its_own_layer_and_from_below(name):
    ours = [other for other in imports(name) if other.startswith("forecast.")]  # "forecast" alone: the version
    upward = [other for other in ours if layer(other) > layer(name) and (name, other) not in DOORS]
    assert not upward, f"{name} imports {upward} from above"


def test_no_modules_import_one_another_in_a_circle():
    graph = {name: {other for other in imports(name, top_only=True) if other in modules()} for name in modules()}
    done: set[str] = set()

    def visit(name, path):
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for other in sorted(graph[name] - {name}):
                visit(other, [*path, name])
            done.add(name)

    for name in graph:
        visit(name, [])


@pytest.mark.parametrize("name", sorted(modules()))
def test_libraries_that_only_some_uses_need_are_imported_there(name):
    tops = {other.split(".")[0] for other in imports(name, top_only=True)}
    assert not tops & NEVER_AT_THE_TOP


@pytest.mark.parametrize(
    "name", ["forecast", "forecast.errors", "forecast.presets", "forecast.cli", "forecast.cli.main"]
)
def test_the_doors_of_the_package_are_light(name):
    tops = {other.split(".")[0] for other in imports(name, top_only=True)}
    assert not tops & HEAVY


def reached(name: str) -> set[str]:
    """Everything that importing a module imports, packages around it included."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        module = waiting.pop()
        around = [module.rsplit(".", n)[0] for n in range(module.count(".") + 1)]
        for new in {*around, *(imports(module, top_only=True) if module in modules() else ())} - found:
            found.add(new)
            waiting.append(new)
    return found


@pytest.mark.parametrize("name", ["forecast.datasets.build", "forecast.datasets.files", "forecast.datasets.output"])
def test_reading_data_needs_no_torch(name):
    assert "torch" not in reached(name)


@pytest.mark.parametrize("name", sorted(modules()))
def test_files_and_functions_stay_small(name):
    text = modules()[name].read_text()
    assert len(text.splitlines()) <= 320, f"{name} asks for a split"
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    lengths = {n.name: n.end_lineno - _first_statement(n).lineno + 1 for n in functions}
    assert max(lengths.values(), default=0) <= 50, f"{name} has long functions: {lengths}"


def _first_statement(function: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt:
    documented = ast.get_docstring(function) is not None and len(function.body) > 1
    return function.body[1 if documented else 0]
