"""Objectives learned from data: their gradients, their random draws, and the stated properties of their data."""

import numpy as np
import pytest

from adamlab.objectives.logistic_regression import LogisticRegression
from adamlab.objectives.logistic_regression_minibatch import LogisticRegressionMinibatch
from adamlab.objectives.mlp_relu import MLPReLU
from adamlab.objectives.mlp_relu_minibatch import MLPReLUMinibatch
from adamlab.objectives.mlp_tanh import MLPTanh
from adamlab.objectives.mlp_tanh_minibatch import MLPTanhMinibatch
from adamlab.objectives.softmax_imbalanced import SoftmaxImbalanced
from adamlab.objectives.sparse_bag_of_words import SparseBagOfWords
from adamlab.problems import digits
from adamlab.problems.networks import example_losses, parameters_of
from adamlab.problems.problem import objective_data
from adamlab.rules.symbols import ConfigurationError

REGRESSION = {"dim": 650, "x0": 0.0, "l2": 0.01}
NETWORK = {"dim": parameters_of(3), "x0": 1.0, "l2": 0.01, "seed": 0}
IMBALANCED = {"dim": 49, "x0": 0.0, "noise": 0.1, "rarest": 10, "seed": 0}
WORDS = {"dim": 50, "x0": 0.0, "documents": 40, "length": 12, "exponent": 1.0, "l2": 0.01, "batch": 8, "seed": 0}
BATCH = {"batch": 8}
SAMPLED = [
    (LogisticRegressionMinibatch, REGRESSION | BATCH),
    (MLPTanhMinibatch, NETWORK | BATCH),
    (MLPReLUMinibatch, NETWORK | BATCH),
    (SparseBagOfWords, WORDS),
]
FULL = [(LogisticRegression, REGRESSION), (MLPTanh, NETWORK), (MLPReLU, NETWORK), (SoftmaxImbalanced, IMBALANCED)]
each = pytest.mark.parametrize(("cls", "numbers"), FULL + SAMPLED)
each_sampled = pytest.mark.parametrize(("cls", "numbers"), SAMPLED)


def somewhere(dim, dtype="float64"):
    return (0.3 * np.random.default_rng(dim).standard_normal(dim)).astype(dtype)


@each
def test_the_gradient_is_the_slope_of_the_value_along_any_direction(cls, numbers):
    objective = cls(**numbers)
    data, x, h = objective_data(objective), somewhere(objective.dim), 1e-5
    gradient = objective.gradient(x, *data)
    for u in np.random.default_rng(1).standard_normal((20, objective.dim)):
        slope = (objective.value(x + h * u, *data) - objective.value(x - h * u, *data)) / (2 * h)
        assert gradient @ u == pytest.approx(slope, rel=1e-6, abs=1e-8)


def near(dtype):
    return {"rel": 1e-12, "abs": 1e-14} if dtype == "float64" else {"rel": 1e-4, "abs": 1e-6}


@pytest.mark.parametrize(("cls", "numbers"), [*FULL, (SparseBagOfWords, WORDS)])
def test_compiled_it_is_the_same_to_rounding_and_keeps_the_dtype(cls, numbers, dtype, compiled):
    objective = cls(**numbers, dtype=dtype)
    data, x = objective_data(objective), somewhere(objective.dim, dtype)
    value, gradient = compiled(objective, x)
    assert value == pytest.approx(objective.value(x, *data), **near(dtype))
    called = objective.gradient(x, *data)
    assert gradient == pytest.approx(called, **near(dtype))
    assert called.dtype == gradient.dtype == dtype
    assert called.shape == gradient.shape == x.shape


@each_sampled
def test_compiled_a_sampled_gradient_is_the_same_to_rounding_and_keeps_the_dtype(cls, numbers, dtype, compiled_sample):
    objective = cls(**numbers, dtype=dtype)
    data, x = objective_data(objective), somewhere(objective.dim, dtype)
    drawn = 1, np.random.default_rng(0).random(objective.n_draws())
    called = objective.sampled_gradient(x, *drawn, *data)
    again = compiled_sample(objective, x, *drawn)
    assert again == pytest.approx(called, **near(dtype))
    assert called.dtype == again.dtype == dtype
    assert called.shape == again.shape == x.shape


@each
def test_float32_differs_from_float64_by_rounding_only(cls, numbers):
    x = somewhere(numbers["dim"])
    ends = []
    for dtype in ("float64", "float32"):
        objective = cls(**numbers, dtype=dtype)
        ends.append(objective.gradient(x.astype(dtype), *objective_data(objective)))
    assert ends[1] == pytest.approx(ends[0], rel=1e-3, abs=1e-6)


@each
def test_the_published_value_comes_out(cls, numbers):
    point, expected = cls.published
    extra = {"noise": 0.1, "rarest": 1} if cls is SoftmaxImbalanced else {}
    objective = cls(**numbers | {"dim": len(point)} | extra)
    assert objective.value(np.array(point), *objective_data(objective)) == pytest.approx(expected, rel=1e-14)


@each_sampled
def test_the_sampled_gradient_has_the_exact_one_as_its_mean(cls, numbers):
    """Examples are drawn with replacement and so independently: the mean over batches of one covers all examples."""
    objective = cls(**numbers | {"batch": 1})
    data, x = objective_data(objective), somewhere(objective.dim)
    n = data[-1].shape[-1]
    mean = np.zeros_like(x)
    for i in range(n):
        mean += objective.sampled_gradient(x, 1, np.array([(i + 0.5) / n]), *data) / n
    assert mean == pytest.approx(objective.gradient(x, *data), rel=1e-10, abs=1e-13)


@each_sampled
def test_a_batch_is_the_mean_of_its_examples_and_an_example_may_come_twice(cls, numbers):
    objective, single = cls(**numbers | {"batch": 3}), cls(**numbers | {"batch": 1})
    data, x, draw = objective_data(objective), somewhere(objective.dim), np.array([0.1, 0.9, 0.1])
    assert objective.n_draws() == 3
    alone = [single.sampled_gradient(x, 1, draw[i : i + 1], *data) for i in range(3)]
    assert np.array_equal(alone[0], alone[2])
    assert not np.array_equal(alone[0], alone[1])
    assert objective.sampled_gradient(x, 1, draw, *data) == pytest.approx(np.mean(alone, axis=0), rel=1e-10, abs=1e-14)


@each_sampled
def test_the_least_and_the_greatest_draw_pick_the_first_and_the_last_example(cls, numbers):
    objective = cls(**numbers | {"batch": 1})
    data, x = objective_data(objective), somewhere(objective.dim)
    n = data[-1].shape[-1]
    for extreme, inner in ((0.0, 0.5 / n), (np.nextafter(1.0, 0.0), 1 - 0.5 / n)):
        ends = [objective.sampled_gradient(x, 1, np.array([u]), *data) for u in (extreme, inner)]
        assert np.array_equal(*ends)


@pytest.mark.parametrize(
    ("full", "batches", "numbers"),
    [
        (LogisticRegression, LogisticRegressionMinibatch, REGRESSION),
        (MLPTanh, MLPTanhMinibatch, NETWORK),
        (MLPReLU, MLPReLUMinibatch, NETWORK),
    ],
)
def test_with_and_without_batches_it_is_one_problem(full, batches, numbers):
    whole, parts = full(**numbers), batches(**numbers | BATCH)
    x, data = somewhere(whole.dim), whole.data()
    assert whole.value(x, *data) == parts.value(x, *data)
    assert np.array_equal(whole.gradient(x, *data), parts.gradient(x, *data))
    if hasattr(whole, "start"):
        assert np.array_equal(whole.start(), parts.start())


def test_the_cross_entropy_is_that_of_the_probabilities_and_no_logit_is_too_large():
    logits = np.array([[1.0, 0.0, 1000.0], [2.0, 0.0, 0.0], [0.5, 0.0, -1000.0]])
    odds = np.exp([1.0, 2.0, 0.5])
    expected = [-np.log(odds[1] / odds.sum()), np.log(3), 1000.0]
    assert example_losses(logits, np.eye(3)[[1, 2, 1]].T) == pytest.approx(expected, rel=1e-14)


def test_the_regression_at_biases_alone_is_the_cross_entropy_of_the_class_frequencies():
    regression = LogisticRegression(dim=650, x0=0.0, l2=0.0)
    data = regression.data()
    frequencies = np.mean(data[2], axis=1)
    x = np.zeros((10, 65))
    x[:, -1] = np.log(frequencies)
    assert regression.value(x.ravel(), *data) == pytest.approx(-np.sum(frequencies * np.log(frequencies)))
    assert regression.gradient(x.ravel(), *data).reshape(10, 65)[:, -1] == pytest.approx(np.zeros(10), abs=1e-15)


def test_the_digits_are_all_there_and_scaled():
    rows, columns, targets = digits.examples()
    assert rows.shape == (1797, digits.PIXELS + 1)
    assert (rows.min(), rows.max()) == (0.0, 1.0)
    assert np.all(rows[:, -1] == 1)
    assert np.array_equal(columns, rows.T)
    assert np.all(np.sum(targets, axis=0) == 1)
    assert np.sum(targets, axis=1).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert digits.examples() is digits.examples()


@pytest.mark.parametrize(
    ("cls", "first_spread", "second_spread"),
    [
        (MLPTanh, np.sqrt(6 / (64 + 200)) / np.sqrt(3), np.sqrt(6 / (200 + 10)) / np.sqrt(3)),
        (MLPReLU, np.sqrt(2 / 64), np.sqrt(2 / 200)),
    ],
)
def test_a_network_starts_as_published_and_from_its_seed(cls, first_spread, second_spread):
    start, again, other = (cls(**NETWORK | {"dim": parameters_of(200), "seed": seed}).start() for seed in (0, 0, 1))
    assert np.array_equal(start, again)
    assert not np.any((start == other) & (start != 0))
    first, second = start[: 65 * 200].reshape(200, 65), start[65 * 200 :].reshape(10, 201)
    assert not first[:, -1].any()
    assert not second[:, -1].any()
    # The tolerance is five standard errors of a standard deviation.
    assert np.std(first[:, :-1]) == pytest.approx(first_spread, rel=5 / np.sqrt(2 * 64 * 200))
    assert np.std(second[:, :-1]) == pytest.approx(second_spread, rel=5 / np.sqrt(2 * 10 * 200))


def test_the_imbalanced_classes_have_frequencies_proportional_to_1_over_k():
    problem = SoftmaxImbalanced(**IMBALANCED | {"dim": 400})
    rows, columns, targets = problem.data()
    labels = np.argmax(targets, axis=0)
    counts = np.bincount(labels)
    assert counts[-1] == problem.rarest
    assert np.abs(counts - counts[0] / np.arange(1, 21)).max() <= 0.5
    assert np.array_equal(columns, rows.T)
    scatter = rows - np.eye(20)[labels]
    assert np.std(scatter) == pytest.approx(problem.noise, rel=5 / np.sqrt(2 * scatter.size))
    assert np.mean(scatter) == pytest.approx(0.0, abs=5 * problem.noise / np.sqrt(scatter.size))


def test_without_noise_each_imbalanced_class_has_the_gradient_of_its_own_frequency():
    """In the setting of the theorem, only class k affects column k of W, in proportion to its frequency."""
    problem = SoftmaxImbalanced(**IMBALANCED | {"noise": 0.0})
    data = problem.data()
    gradient = problem.gradient(np.zeros(49), *data).reshape(problem.shape)
    frequencies = np.mean(data[2], axis=1)
    assert gradient == pytest.approx(frequencies * (1 / 7 - np.eye(7)), rel=1e-12)


def test_words_occur_as_zipf_has_it_and_documents_are_sparse():
    problem = SparseBagOfWords(**WORDS | {"dim": 1000, "documents": 4000, "length": 100})
    starts, words, document, labels = problem.data()
    share = 1 / np.arange(1, 1001) / np.sum(1 / np.arange(1, 1001))
    present = 1 - (1 - share) ** 100
    counts = np.bincount(words, minlength=1000)
    deviation = np.sqrt(4000 * present * (1 - present))
    assert np.abs(counts - 4000 * present).max() < 5 * max(deviation)
    assert np.sum((counts - 4000 * present) ** 2 / deviation**2) == pytest.approx(1000, abs=5 * np.sqrt(2 * 1000))
    rare = np.arange(200, 1000)
    slope, _ = np.polyfit(np.log(rare + 1), np.log(counts[rare]), 1)
    assert slope == pytest.approx(-1, abs=0.1)
    assert starts[-1] == words.size < 0.07 * 4000 * 1000
    assert set(labels) == {-1.0, 1.0}
    for i in range(0, 4000, 500):
        here = words[starts[i] : starts[i + 1]]
        assert np.all(np.diff(here) > 0)
        assert np.all(document[starts[i] : starts[i + 1]] == i)


def test_the_sparse_gradient_is_that_of_the_same_documents_as_a_full_matrix():
    problem = SparseBagOfWords(**WORDS)
    _, words, document, labels = problem.data()
    features = np.zeros((problem.documents, problem.dim))
    features[document, words] = 1
    x = somewhere(problem.dim)
    margins = labels * (features @ x)
    expected = np.mean(np.log1p(np.exp(-margins))) + 0.5 * problem.l2 * x @ x
    assert problem.value(x, *problem.data()) == pytest.approx(expected, rel=1e-13)
    slope = features.T @ (-labels / (1 + np.exp(margins))) / problem.documents + problem.l2 * x
    assert problem.gradient(x, *problem.data()) == pytest.approx(slope, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(("cls", "numbers"), [(SoftmaxImbalanced, IMBALANCED), (SparseBagOfWords, WORDS)])
def test_made_up_data_follow_from_the_seed_alone(cls, numbers):
    first, again, other = (
        cls(**numbers | {"seed": seed, "x0": x0}).data() for seed, x0 in ((0, 0.0), (0, 1.0), (1, 0))
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[1], other[1])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: LogisticRegression(**REGRESSION | {"dim": 128}),
            "LogisticRegression: dim must lie in [650, 650]; it is 128",
        ),
        (
            lambda: MLPTanh(**NETWORK | {"dim": 1500}),
            "MLPTanh: dim must be 75 h + 10 for h >= 1 hidden units, such as 1435 or 1510; it is 1500",
        ),
        (
            lambda: MLPReLU(**NETWORK | {"dim": 1}),
            "MLPReLU: dim must be 75 h + 10 for h >= 1 hidden units, such as 85; it is 1",
        ),
        (
            lambda: SoftmaxImbalanced(**IMBALANCED | {"dim": 50}),
            "SoftmaxImbalanced: dim must be c^2 for c >= 1 classes, such as 49 or 64; it is 50",
        ),
        (
            lambda: MLPTanhMinibatch(**NETWORK | {"batch": 0}),
            "MLPTanhMinibatch: batch must lie in [1, 2^31); it is 0",
        ),
        (
            lambda: SoftmaxImbalanced(**IMBALANCED | {"dim": 2.5}),
            "SoftmaxImbalanced: dim must be a whole number in [1, 2^63); it is 2.5",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(make, sentence):
    with pytest.raises(ConfigurationError) as refused:
        make()
    assert str(refused.value) == sentence


def test_a_dimension_of_any_size_is_judged_at_once():
    assert MLPTanh(**NETWORK | {"dim": 75 * 10**15 + 10}).dim == 75 * 10**15 + 10
