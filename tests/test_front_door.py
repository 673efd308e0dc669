"""What users import: three lines from import to result, from a checkout and from an installed wheel."""

import inspect
import subprocess
import sys
import sysconfig
import venv
from importlib import import_module

import pytest
from omegaconf import OmegaConf

import adamlab
from adamlab.rules.defaults import MISSING, defaults

THREE_LINES = """
import adamlab
r = adamlab.minimize(adamlab.objective("rosenbrock", dim=10), adamlab.optimizer("adam", lr=0.01), n_steps=1000)
print(r.status, r.steps, repr(r.loss))
"""
# The names that users imported before the package had rooms.
EARLIER = {
    "adamlab.minimize": ("minimize", "start", "Result"),
    "adamlab.many": ("minimize_many",),
    "adamlab.symbols": ("LearningRate", "Beta1", "Epsilon", "Number", "parameters", "ConfigurationError"),
    "adamlab.promises": ("Promises", "longest_ratio", "longest_ratio_to_maximum"),
    "adamlab.reduction": ("total", "squared_length"),
    "adamlab.optimizers.adam": ("Adam",),
    "adamlab.objectives.sphere": ("Sphere",),
}
GROUPS = ("optimizer", "objective", "noise", "schedule")


def output(python, code, folder, *options):
    line = [str(python), *options, "-c", code]
    return subprocess.run(line, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_three_lines_lead_to_a_result():
    adam, valley = adamlab.optimizer("adam", lr=0.01), adamlab.objective("rosenbrock", dim=10)
    r = adamlab.minimize(valley, adam, n_steps=1000)
    assert (r.status, r.steps, r.theta.shape) == ("max_steps", 1000, (10,))
    assert r.loss < r.trace["loss"][0]
    rows = adamlab.minimize_many([{"objective": valley, "optimizer": adam, "n_steps": 1000}])
    assert rows["loss"][0] == r.loss
    run = adamlab.start(adam, r.theta, backend="numpy")
    assert run.step(valley.gradient(r.theta)).shape == (10,)


def test_importing_the_package_imports_no_library_and_no_room(tmp_path):
    code = "import sys; before = set(sys.modules); import adamlab; print(*(set(sys.modules) - before))"
    new = output(sys.executable, code, tmp_path).split()
    assert {name for name in new if name.partition(".")[0] not in sys.stdlib_module_names} == {"adamlab"}


def test_every_public_name_is_there_and_the_rest_is_not():
    assert set(adamlab.__all__) <= set(dir(adamlab))
    for name in adamlab.__all__:
        assert getattr(adamlab, name) is not None
    with pytest.raises(AttributeError, match="module 'adamlab' has no attribute 'minimise'"):
        _ = adamlab.minimise


@pytest.mark.parametrize("module", EARLIER)
def test_what_users_imported_before_still_works_and_hides_no_function(module):
    for name in EARLIER[module]:
        assert getattr(import_module(module), name) is not None
    assert inspect.isfunction(adamlab.minimize)


@pytest.mark.parametrize("group", GROUPS)
def test_a_leaf_has_the_numbers_that_hydra_reads_in_its_file(root, group):
    names = getattr(adamlab, f"{group.upper()}S")
    files = sorted(path.stem for path in (root / "conf" / group).glob("*.yaml") if path.stem != "none")
    assert list(names) == files
    for name in names:
        read = OmegaConf.to_container(OmegaConf.load(root / "conf" / group / f"{name}.yaml"))
        del read["_target_"]
        assert defaults(group, name) == read
        if MISSING not in read.values():
            leaf = getattr(adamlab, group)(name)
            assert type(leaf).__module__.rpartition(".")[2] == name


REFUSED = {
    ("optimizer", "adm", ()): r"optimizer: must be one of adabelief, .*; it is 'adm'; did you mean adam\?",
    ("optimizer", "adam", (("learning_rate", 0.1),)): r"Adam: has no learning_rate.* \(it has lr, beta1, beta2, eps\)",
    ("optimizer", "adam", (("beta1", 1.5),)): r"Adam: beta1 must lie in \[0, 1\); it is 1.5",
    ("objective", "custom", ()): "Custom: value must be given",
    ("noise", "none", (("scale", 1.0),)): "no noise: has no scale",
    ("schedule", "cosin", ()): r"schedule: must be one of .*; it is 'cosin'; did you mean cosine\?",
}


@pytest.mark.parametrize(("group", "name", "changes"), REFUSED)
def test_a_mistake_is_refused_in_one_sentence(group, name, changes):
    with pytest.raises(adamlab.ConfigurationError, match=f"^{REFUSED[group, name, changes]}$"):
        getattr(adamlab, group)(name, **dict(changes))


def test_no_noise_is_none():
    assert adamlab.noise("none") is None


def test_a_wheel_in_an_empty_environment_gives_the_same(root, tmp_path):
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(tmp_path), str(root)]
    subprocess.run([sys.executable, "-m", "pip", *build], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "empty", with_pip=False)
    python = tmp_path / "empty" / "bin" / "python"
    install = ["install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(python), *install], check=True)
    # The libraries are those of this environment. It names the checkout in a file that another one does not read.
    site = output(python, "import sysconfig; print(sysconfig.get_path('purelib'))", tmp_path).strip()
    (tmp_path / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    (tmp_path / "libraries.pth").rename(f"{site}/libraries.pth")
    place = output(python, "import adamlab; print(adamlab.__file__)", tmp_path, "-P").strip()
    assert place == f"{site}/adamlab/__init__.py"
    assert output(python, THREE_LINES, tmp_path, "-P") == output(sys.executable, THREE_LINES, tmp_path)
