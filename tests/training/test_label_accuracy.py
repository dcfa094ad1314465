"""Label accuracy is that of the most probable label: on labelled data, by families that give label probabilities."""

from dataclasses import replace

import pytest
import torch

from training.evaluate.labels import evaluate_labels


@pytest.fixture
def fitted(experiment):
    def build(name: str):
        ready = experiment(name, smoke=False)
        parts = (ready.splits.fit, ready.splits.validation)
        views = [ready.transform.training_view(torch.from_numpy(part.x)) for part in parts]
        labels = [torch.from_numpy(part.labels) for part in parts]
        ready.family.fit_labelled(views[0], labels[0], views[1], labels[1], seed=0)
        return ready

    return build


@pytest.mark.parametrize(("name", "least"), [("naive_bayes", 0.85), ("naive_bayes-real", 0.85), ("gda", 0.9)])
def test_digits_are_recognised(fitted, name, least):
    ready = fitted(name)
    (accuracy,) = evaluate_labels(ready.family, ready.transform, ready.splits.test, seed=0)
    assert least < accuracy.value < 1
    wrong = replace(ready.splits.test, labels=(ready.splits.test.labels + 1) % 10)
    (inaccuracy,) = evaluate_labels(ready.family, ready.transform, wrong, seed=0)
    assert inaccuracy.value < 1 - accuracy.value + 1e-9


def test_without_labels_or_probabilities_there_is_nothing_to_measure(fitted, experiment):
    ready = fitted("naive_bayes")
    assert evaluate_labels(ready.family, ready.transform, replace(ready.splits.test, labels=None), seed=0) == []
    mixture = experiment("gmm-images")
    assert evaluate_labels(mixture.family, mixture.transform, mixture.splits.test, seed=0) == []
