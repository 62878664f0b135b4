"""What gets installed, under which names, and how light the doors are."""

import ast
import os
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import forecast

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PROJECT["tool"]["setuptools"]


def run(*command: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command away from pytest's own environment."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "COV_", "PYTHONPATH"))}
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env={**kept, **variables}, capture_output=True, text=True
    )


def python(code: str, *, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "-c", code, cwd=cwd)


def test_every_folder_with_code_is_in_the_list_of_packages():
    found = set()
    for package, folder in SETUPTOOLS["package-dir"].items():
        for init in (ROOT / folder).rglob("__init__.py"):
            inner = init.parent.relative_to(ROOT / folder).parts
            if package != "forecast" or inner[:1] not in (("datasets",), ("cli",)):  # the links to the mapped folders
                found.add(".".join((package, *inner)))
    assert set(SETUPTOOLS["packages"]) == found


def test_every_folder_with_code_is_a_package():
    for folder in ("forecast", "datasets", "cli"):
        for path in (ROOT / folder).rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), path


def test_the_versions_agree():
    assert PROJECT["project"]["version"] == forecast.__version__


def test_the_constraints_name_one_version_of_every_requirement():
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    pins = [Requirement(line) for line in lines]
    assert pins[0].name == "torch"
    versions = {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in pins}
    assert not [version for version in versions.values() if "+" in version or "," in version]
    groups = [PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].values()]
    wanted = [Requirement(line) for group in groups for line in group]
    for requirement in wanted:
        if requirement.name != "seqcast":
            assert versions[canonicalize_name(requirement.name)] in requirement.specifier, requirement


def test_every_public_name_resolves():
    for name in forecast.__all__:
        assert getattr(forecast, name) is not None
    assert set(forecast.__all__) <= set(dir(forecast))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'LTSMForecaster'"):
        _ = forecast.LTSMForecaster


def test_type_checkers_see_the_names_that_users_get():
    tree = ast.parse((ROOT / "forecast" / "__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    declared = {alias.name: node.module for node in block.body for alias in node.names}
    assert declared == forecast._HOME


def test_importing_the_package_imports_no_heavy_library(tmp_path):
    code = (
        "import sys, forecast; print(sorted({'torch', 'pandas', 'numpy', 'statsmodels', 'sklearn'} & set(sys.modules)))"
    )
    assert python(code, cwd=tmp_path).stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["datasets", "cli"])
def test_the_mapped_folders_refuse_to_pose_as_top_level_packages(name):
    result = python(f"import {name}", cwd=ROOT)
    assert result.returncode == 1
    assert f"this folder is the package forecast.{name}; take the repository root off sys.path" in result.stderr


def test_another_package_called_datasets_is_found(tmp_path):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "__init__.py").write_text("name = 'the other one'")
    result = python("import forecast.datasets, datasets; print(datasets.name)", cwd=tmp_path)
    assert result.stdout.strip() == "the other one", result.stderr


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of what a build reads, so that building leaves no traces in the working tree."""
    import shutil

    copy = tmp_path_factory.mktemp("source")
    for name in (
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "MANIFEST.in",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "Makefile",
    ):
        shutil.copy(ROOT / name, copy)
    shutil.copy(ROOT / "constraints.txt", copy)
    leave = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for folder in ("forecast", "datasets", "cli", "tests", "examples"):
        shutil.copytree(ROOT / folder, copy / folder, symlinks=True, ignore=leave)
    return copy


@pytest.fixture(scope="module")
def built(source, tmp_path_factory):
    """The wheel that is built from the sdist, and the sdist."""
    out = tmp_path_factory.mktemp("dist")
    result = run(sys.executable, "-m", "build", "--no-isolation", "-o", out, source, cwd=out)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, sdist


def expected_modules() -> set[str]:
    """Every module as it should lie in site-packages."""
    found = set()
    for package, folder in SETUPTOOLS["package-dir"].items():
        for path in (ROOT / folder).rglob("*.py"):
            inner = path.relative_to(ROOT / folder)
            if package != "forecast" or inner.parts[0] not in ("datasets", "cli"):
                found.add(Path(*package.split("."), inner).as_posix())
    return found


@pytest.mark.slow
def test_a_wheel_holds_the_package_and_nothing_else(built):
    wheel, _ = built
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"forecast", f"seqcast-{forecast.__version__}.dist-info"}
    assert {name for name in names if name.endswith(".py")} == expected_modules()
    assert "forecast/py.typed" in names
    assert len(names) == len(set(names))


@pytest.mark.slow
def test_an_sdist_can_be_read_built_and_tested(built):
    _, sdist = built
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    wanted = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "constraints.txt", "Makefile"}
    wanted |= {"datasets/panel.py", "cli/__init__.py", "tests/test_package.py", "forecast/py.typed"}
    assert wanted <= names
    assert not {name for name in names if name.startswith(("shared", ".git/", ".venv"))}


@pytest.mark.slow
def test_an_installed_wheel_works_away_from_the_repository(built, tmp_path):
    wheel, _ = built
    venv.create(tmp_path / "venv", with_pip=False, system_site_packages=False)
    bin = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    site = next((tmp_path / "venv").rglob("site-packages"))
    zipfile.ZipFile(wheel).extractall(site)
    (site / "libraries.pth").write_text(next(p for p in sys.path if p.endswith("site-packages")) + "\n")
    code = "import forecast.datasets.panel as p, forecast.cli as c; print(p.__file__, c.__file__)"
    result = run(bin / "python", "-c", code, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert all(path.startswith(str(site)) for path in result.stdout.split())
    assert {entry.name.split("-")[0] for entry in site.iterdir()} >= {"forecast", "seqcast"}
    assert not {"datasets", "cli", "tests", "examples"} & {entry.name for entry in site.iterdir()}
