"""Composition of sweeps: every list of overrides gives the configurations that Hydra itself composes."""

import json
from itertools import product

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import OmegaConf, open_dict

from adamlab.rules.symbols import ConfigurationError
from experiments.sweeping.axes import axes_of
from experiments.sweeping.composition import composition_of, compositions
from experiments.sweeping.sweep import Sweep


class Composer:
    """Hydra, as the programs start it, with a count of the configurations that it composes."""

    def __init__(self, folder):
        GlobalHydra.instance().clear()
        hydra = Hydra.create_main_hydra2("converge", create_config_search_path(str(folder)))
        self.loader = hydra.config_loader
        self._hydra = hydra
        self.composed = 0

    def master(self, overrides):
        return self._hydra.compose_config(
            config_name="converge", overrides=overrides, run_mode=RunMode.MULTIRUN, with_log_configuration=False
        )

    def overrides(self, lines):
        return OverridesParser.create(config_loader=self.loader).parse_overrides(lines)

    def job(self, master, lines, number):
        self.composed += 1
        job = self.loader.load_sweep_config(master, list(lines))
        with open_dict(job):
            job.hydra.job.id, job.hydra.job.num = str(number), number
        HydraConfig.instance().set_config(job)
        return job

    def by_hydra(self, lines):
        """Return every job's configuration as made by Hydra's own sweeper and launcher."""
        master = self.master(lines)
        (jobs,) = BasicSweeper.split_arguments(self.overrides(lines), max_batch_size=None)
        return [resolved(self.job(master, job, number)) for number, job in enumerate(jobs)]

    def by_us(self, lines):
        """Return the same configurations as made by `experiments.sweeping.composition`."""
        master = self.master(lines)
        sweep = Sweep.of_product(
            "converge",
            axes_of(self.overrides(lines)),
            lambda job, number: self.job(master, job, number),
            lambda key: bool(self.loader.get_group_options(key)),
            "local",
            {},
        )
        return list(sweep.trees())


def resolved(job):
    own = OmegaConf.masked_copy(job, [key for key in job if key != "hydra"])
    return OmegaConf.to_container(own, resolve=True, throw_on_missing=True)


@pytest.fixture
def composer(root):
    yield Composer(root / "conf")
    GlobalHydra.instance().clear()


def same(some, others):
    """Return whether two lists hold the same configurations, in any order."""
    return sorted(json.dumps(tree, sort_keys=True) for tree in some) == sorted(
        json.dumps(tree, sort_keys=True) for tree in others
    )


EQUAL = [
    ["optimizer.lr=0.1,0.01"],
    ["optimizer.lr=0.1"],
    ["optimizer=adam,amsgrad_paper", "optimizer.lr=0.1,0.01", "n_steps=100,1000", "seed=0,1"],
    ["optimizer.lr=0.1,0.01", "optimizer=adam,amsgrad_paper"],
    ["optimizer=adam,adamax"],
    ["optimizer=glob(adama*)", "seed=0,1"],
    ["optimizer=glob(*,exclude=[a*,c*,d*,m*,n*,p*,r*,s*])"],
    ["objective=sphere,rosenbrock,rastrigin", "optimizer=adam,sgd"],
    ["objective=sphere,beale", "dim=2,2"],
    ["objective=sphere,quadratic"],
    ["seed=range(0,5)"],
    ["seed=range(5)"],
    ["optimizer.lr=range(0.1,0.5,0.1)"],
    ["seed=sort(3,1,2)"],
    ["seed=sort(3,1,2,reverse=true)"],
    ["seed=choice(1,2,3)"],
    ["seed=shuffle(1,2,3)"],
    ["optimizer.lr=1e-3,1e-4,1"],
    ["optimizer.lr=0.1,0.1"],
    ["optimizer.lr=int(1),float(2)"],
    ["loss_target=-inf,0,inf"],
    ["tol=0,1e-6", "grad_tol=0,1e-3"],
    ["dtype=float32,float64", "backend=python,numpy,numba"],
    ["trace=none,log,every"],
    ["trace=log", "trace.points=10,20"],
    ["trace.points=10,20", "trace=log,every"],
    ["noise=gaussian", "noise.scale=0.1,1"],
    ["noise=none,gaussian", "schedule=constant,cosine"],
    ["schedule=step", "schedule.every=10,20", "schedule.gamma=0.1,0.5"],
    ["objective.x0=1,2"],
    ["objective.x0=[1,2],[3]"],
    ["objective.x0=[1,2]", "seed=0,1"],
    ["dim=2,3", "objective.dim=5"],
    ["objective.dim=2,3"],
    ["objective.dim=2,3", "objective=sphere,quadratic"],
    ["optimizer.beta2=${optimizer.beta1}", "optimizer.beta1=0.5,0.9"],
    ["optimizer.lr=${tol}", "tol=1e-3,1e-4", "grad_tol=${optimizer.lr}"],
    ["objective.x0=${seed}", "seed=1,2"],
    ["seed=${hydra:job.num}", "optimizer.lr=0.1,0.2"],
    ["seed=${hydra:job.num}", "optimizer.lr=0.1,0.2", "optimizer=adam,sgd"],
    ["study_name=run_${optimizer.lr}", "optimizer.lr=0.1,0.2"],
    ["study_name='${hydra:runtime.choices.optimizer}'", "optimizer=adam,sgd"],
    ["study_name=${hydra:runtime.output_dir}", "seed=0,1"],
    ["seed=${hydra:job.missing},1"],
    ["study_name=${oc.env:ADAMLAB_TEST_STUDY}", "seed=0,1"],
    ["optimizer={lr:5}", "seed=0,1"],
    ["+optimizer.extra=1,2", "seed=0,1"],
    ["++optimizer.lr=1,2", "seed=0,1"],
    ["++optimizer.extra=1"],
    ["~optimizer.eps", "seed=0,1"],
    ["~noise"],
    ["+more={a:1,b:2},{a:3}"],
    ["+more={a:1}", "seed=0,1"],
    ["results=a,b", "study_name=c,d"],
    ["results='with space','a,b'"],
    ["study_name=null,x"],
    ["optimizer.lr=true,false"],
    ["optimizer.lr=fast,slow"],
    ["optimizer.lr=2", "optimizer.lr=3,4"],
    ["optimizer.lr=3,4", "optimizer.lr=2"],
    ["++optimizer={lr:5}", "optimizer.lr=2,3"],
    ["optimizer.lr=2,3", "++optimizer={lr:5}"],
    ["++optimizer={lr:5},{lr:6}", "seed=0,1"],
    ["+study=seed", "seed=0,1"],
    ["+study=seed,cost", "seed=0,1"],
    ["optimizer.lr=0.1,0.2", "optimizer.beta1=0,0.5", "optimizer.beta2=0.9,0.99", "seed=0,1"],
]


@pytest.mark.parametrize("lines", EQUAL, ids=" ".join)
def test_a_sweep_means_what_it_means_to_hydra(composer, monkeypatch, lines):
    monkeypatch.setenv("ADAMLAB_TEST_STUDY", "from_outside")
    assert same(composer.by_us(lines), composer.by_hydra(lines))


REFUSED = [
    ["optimizer=adam,missing"],
    ["optimizer=missing"],
    ["optimizer.missing=1,2"],
    ["missing=1,2"],
    ["+optimizer.lr=1,2"],
    ["~missing"],
    ["~optimizer.lr=7", "seed=0,1"],
    ["optimizer=adam,sgd", "optimizer.beta1=0.1,0.2"],
    ["optimizer.lr=interval(0,1)"],
    ["optimizer.lr=${missing}", "seed=0,1"],
    ["optimizer.lr=${optimizer.missing},1"],
    ["optimizer.lr=???,1"],
    ["optimizer.lr=???", "seed=0,1"],
    ["optimizer@other=adam,sgd"],
    ["hydra.verbose=true,false"],
    ["objective=custom", "seed=0,1"],
    ["optimizer.lr=range(1,2,"],
]


@pytest.mark.parametrize("lines", REFUSED, ids=" ".join)
def test_what_hydra_refuses_in_a_job_is_refused(composer, lines):
    with pytest.raises(Exception) as theirs:
        composer.by_hydra(lines)
    with pytest.raises(type(theirs.value)) as ours:
        composer.by_us(lines)
    assert str(ours.value).splitlines()[:1] == str(theirs.value).splitlines()[:1]


def test_values_and_files_of_groups_are_composed_once_each(composer):
    lines = ["optimizer=adam,sgd,adamax", "objective=sphere,quadratic", "seed=range(0,100)", "optimizer.lr=0.1,0.2"]
    assert len(composer.by_us(lines)) == 3 * 2 * 100 * 2
    assert composer.composed == 1 + 2 + 1


def test_groups_that_change_each_other_are_composed_together(tmp_path):
    """If a file of one group sets a key of another, all combinations are composed by Hydra."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for name, number in product("xy", (1, 2)):
        (tmp_path / "a" / f"{name}.yaml").write_text(f"# @package _global_\na: {name}\nb:\n  of_a: {name}\n")
        (tmp_path / "b" / f"n{number}.yaml").write_text(f"n: {number}\nof_a: none\n")
    for first, second in (("a", "b"), ("b", "a")):
        choice = {"a": "x", "b": "n1"}
        (tmp_path / "converge.yaml").write_text(
            f"defaults:\n  - {first}: {choice[first]}\n  - {second}: {choice[second]}\n  - _self_\nstudy_name: s\n"
        )
        composer = Composer(tmp_path)
        lines = ["a=x,y", "b=n1,n2"]
        assert same(composer.by_us(lines), composer.by_hydra(lines))
    GlobalHydra.instance().clear()


def test_a_thousand_values_cost_one_composition(composer):
    lines = ["optimizer.lr=${logspace:-4,0,1000}", "optimizer.beta1=${linspace:0,0.99,100}"]
    trees = composer.by_us(lines)
    assert composer.composed == 1
    assert len(trees) == 100_000
    rates = sorted({tree["optimizer"]["lr"] for tree in trees})
    assert (rates[0], rates[-1], len(rates)) == (1e-4, 1.0, 1000)


def test_values_come_from_the_lines_of_a_file(composer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rates.txt").write_text("# tried before\n0.1\n\n1e-3\n2\n")
    (tmp_path / "names.txt").write_text("float32\nfloat64\n")
    trees = composer.by_us(["optimizer.lr=${lines:rates.txt}", "dtype=${lines:names.txt}", "optimizer=adam,sgd"])
    assert sorted({tree["optimizer"]["lr"] for tree in trees}) == [1e-3, 0.1, 2]
    assert len(trees) == 12


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("${lines:missing.txt}", "lines: cannot read missing.txt: No such file or directory"),
        ("${linspace:0,1,0}", "linspace: takes start, stop and count, such as linspace:0,1,11; it is 0,1,0"),
        ("${logspace:0,1,many}", "logspace: takes start, stop and count, such as logspace:0,1,11; it is 0,1,many"),
        ("${linspace:0,1}", "linspace"),
    ],
)
def test_a_grid_that_cannot_be_had_is_refused(composer, value, reason):
    with pytest.raises(ConfigurationError, match=r"^optimizer\.lr: ") as refused:
        axes_of(composer.overrides([f"optimizer.lr={value}"]))
    assert reason in str(refused.value)


def test_an_edit_of_a_file_does_not_reach_what_has_been_composed(tmp_path):
    (tmp_path / "g").mkdir()
    (tmp_path / "g" / "one.yaml").write_text("n: 1\n")
    (tmp_path / "converge.yaml").write_text("defaults:\n  - g: one\n  - _self_\nm: 0\n")
    composer = Composer(tmp_path)
    master = composer.master([])
    found = compositions(
        axes_of(composer.overrides(["m=1,2"])), lambda job, number: composer.job(master, job, number), lambda _: False
    )
    (tmp_path / "g" / "one.yaml").write_text("n: 2\n")
    assert [each.with_values({})["g"]["n"] for each, _ in found] == [1]
    assert composition_of(composer.job(composer.master([]), [], 0)).tree["g"]["n"] == 2
    GlobalHydra.instance().clear()
