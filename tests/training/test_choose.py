"""Of several families the one that explains held-out rows best is exported."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pofx import bundle
from training import choose as choosing
from training.changes import changed
from training.choose import check_candidates, choose, validation_log_prob
from training.decide import decided
from training.errors import DataError, RecipeError
from training.finish import finish
from training.fit import Fitted, Hardware, fit
from training.prepare import prepare
from training.recipe import candidates, parse
from training.run import Run

TEXT = """
name = "tiny-choice"
summary = "for tests"
[data]
source = "npz"
path = "{path}"
[transform]
name = "columns"
[[family]]
name = "gmm"
components = {first}
covariances = ["full"]
restarts = 1
[[family]]
name = "gmm"
components = {second}
covariances = ["full"]
restarts = 1
"""


def two_moons(count: int = 800) -> np.ndarray:
    """Rows in two clusters far apart: two components explain them, one does not."""
    random = np.random.default_rng(0)
    return (random.normal(0, 1, (count, 2)) + 8 * random.integers(0, 2, (count, 1))).astype(np.float32)


def correlated(count: int = 800) -> np.ndarray:
    random = np.random.default_rng(0)
    return random.multivariate_normal([0, 0], [[1, 0.95], [0.95, 1]], count).astype(np.float32)


@pytest.fixture
def fitted(tmp_path):
    def build(rows: np.ndarray, first: str, second: str) -> list[Fitted]:
        path = tmp_path / f"{rows.std():.3f}.npz"
        np.savez(path, x=rows)
        text = TEXT.format(path=path.as_posix(), first=first, second=second)
        found = []
        for recipe in candidates(parse(text)):
            ready = prepare(recipe)
            run = Run.of(ready, tmp_path / "runs")
            found.append(fit(ready, run, Hardware("cpu", "1"), resume=True))
        return found

    return build


@pytest.mark.parametrize(("first", "second", "best"), [("[1]", "[2]", 1), ("[2]", "[1]", 0)])
def test_the_better_candidate_is_chosen_wherever_it_stands(fitted, first, second, best):
    lines: list[str] = []
    chosen = choose(fitted(two_moons(), first, second), lines.append)
    assert chosen.prepared.recipe.candidate == best
    assert [("chosen" in line) for line in lines] == [best == 0, best == 1]
    assert chosen.report.chosen["family"] == f"{best}-gmm"
    assert chosen.report.chosen["components"] == 2


def test_candidates_share_their_rows_and_never_a_folder(fitted):
    one, other = fitted(two_moons(), "[1]", "[2]")
    assert one.prepared.data == other.prepared.data
    assert one.run.folder != other.run.folder
    assert one.run.folder.parent == other.run.folder.parent


def test_validation_log_prob_is_in_nats_of_the_raw_rows(fitted):
    """Rows a hundred times as wide are log 100 nats less likely in every dimension."""
    narrow, _ = fitted(correlated(), "[1]", "[2]")
    wide, _ = fitted(100 * correlated(), "[1]", "[2]")
    lost = validation_log_prob(narrow.prepared) - validation_log_prob(wide.prepared)
    assert lost == pytest.approx(2 * np.log(100), abs=1e-2)
    assert validation_log_prob(narrow.prepared) == pytest.approx(
        -np.log(2 * np.pi * np.e) - 0.5 * np.log(1 - 0.95**2), abs=0.2
    )


def test_a_recipe_with_one_family_is_its_only_candidate_and_is_not_measured(experiment, tmp_path, monkeypatch):
    ready = experiment("gmm")
    assert candidates(ready.recipe) == (ready.recipe,)
    monkeypatch.delattr(choosing, "evaluate_likelihood")
    only = Fitted(ready, Run.of(ready, tmp_path), None)
    assert choose([only], print) is only


def test_families_without_a_density_cannot_be_compared(experiment):
    with pytest.raises(RecipeError, match="'dcgan' has none"):
        check_candidates([experiment("made"), experiment("dcgan")])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("components = [2]", "compnents = [2]", r"family\.compnents: unknown key, did you mean 'components'"),
        ('name = "gmm"\ncomponents = [2]', "components = [2]", r"\[family\] is missing or has no name"),
    ],
)
def test_mistakes_in_any_candidate_are_named(old, new, message):
    text = TEXT.format(path="rows.npz", first="[1]", second="[2]").replace(old, new)
    with pytest.raises(RecipeError, match=message):
        parse(text)


def test_a_candidate_is_not_changed_from_outside():
    text = TEXT.format(path="rows.npz", first="[1]", second="[2]")
    with pytest.raises(RecipeError, match=r"several \[\[family\]\]; change them in the file"):
        changed(text, "family.restarts=2")
    assert parse(changed(text, "seed=5")).seed == 5


DEFECTS = """
name = "tiny-defects"
summary = "for tests"
[data]
source = "digits"
normal = ["0", "6"]
[choose]
by = "defects"
verdict = "best"
alpha = 0.05
[[family]]
name = "pca"
transform = { name = "dequantise" }
explain = 0.05
[[family]]
name = "pca"
transform = { name = "dequantise" }
explain = 0.9
[[family]]
name = "gmm"
transform = { name = "dequantise", pool = 2 }
components = [1]
covariances = ["full"]
restarts = 1
"""


def fitted_of(text: str, folder) -> list[Fitted]:
    found = [prepare(recipe) for recipe in candidates(parse(text))]
    check_candidates(found)
    return [fit(ready, Run.of(ready, folder), Hardware("cpu", "1"), resume=True) for ready in found]


def test_labelled_defects_choose_family_and_verdict_and_others_of_them_report(tmp_path):
    """Families whose nats compare nothing; the bundle's first statistic is the one that found most."""
    lines: list[str] = []
    found = fitted_of(DEFECTS, tmp_path / "runs")
    best = choose(found, lines.append, ["9-made: too large"])
    shares = [best.report.chosen[f"share_of_labelled_defects_found_of_{index}-{name}"] for index, name in
              enumerate(("pca", "pca", "gmm"))]  # fmt: skip
    assert best.prepared.recipe.candidate == int(np.argmax(shares)) != 0
    assert best.report.chosen["left_out"] == "9-made: too large"
    done = decided(finish(best, lines.append), lines.append)
    assert done.deciding == done.best == done.listed[0].name
    assert {item.name for item in done.listed} == {item.name for item in done.statistics.members}
    half = len(best.prepared.splits.anomalies) // 2
    assert any(f"The other {half} report below" in line for line in lines)


def test_without_labelled_defects_made_up_ones_choose_and_the_verdict_is_combined(tmp_path):
    text = (
        DEFECTS.replace('normal = ["0", "6"]', "")
        .replace('verdict = "best"', "")
        .partition('[[family]]\nname = "gmm"')[0]
    )
    lines: list[str] = []
    best = choose(fitted_of(text, tmp_path / "runs"), lines.append)
    assert best.prepared.recipe.candidate == 1
    assert all("made-up defects" in line and "`combined`" in line for line in lines)
    assert decided(finish(best, print), print).best is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('normal = ["0", "6"]', "", "expected at least 2 labelled defects, got 0"),
        ('by = "defects"', 'by = "likelihood"', "'pca' has none; leave it out"),
    ],
)
def test_what_nothing_can_choose_is_refused_before_the_fit(old, new, message):
    with pytest.raises(RecipeError, match=message):
        check_candidates([prepare(recipe) for recipe in candidates(parse(DEFECTS.replace(old, new)))])


def test_likelihoods_of_different_things_are_not_compared():
    start, last = DEFECTS.partition("[choose]")[0], DEFECTS.rpartition("[[family]]")[2]
    text = "[[family]]".join([start, last, last.replace("pool = 2", "pool = 1")])
    with pytest.raises(RecipeError, match="their nats are of different things"):
        check_candidates([prepare(recipe) for recipe in candidates(parse(text))])


def test_known_defects_of_a_folder_are_anomalies_in_the_form_of_the_items(tmp_path):
    for name, count, side in (("good", 40, 8), ("bad", 5, 8), ("large", 2, 9)):
        (tmp_path / name).mkdir()
        for place in range(count):
            pixels = np.random.default_rng(place).integers(0, 256, (side, side)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{place}.png")
    text = (
        'name = "x"\nsummary = "x"\n'
        'data = {{ source = "images", path = "{folder}/good", defects = "{folder}/{bad}" }}\n'
        'transform = {{ name = "dequantise" }}\nfamily = {{ name = "pca" }}\n'
    )
    splits = prepare(parse(text.format(folder=tmp_path.as_posix(), bad="bad"))).splits
    assert splits.anomalies.x.shape == (5, 8, 8, 1)
    assert sum(len(part) for part in (splits.fit, splits.validation, splits.calibration, splits.test)) == 40
    with pytest.raises(DataError, match=r"expected images of 8x8 like .*, got 9x9; set `size`"):
        prepare(parse(text.format(folder=tmp_path.as_posix(), bad="large")))


def test_a_loop_stops_when_its_minutes_are_over(experiment, tmp_path, capsys):
    ready = experiment("made")
    ready = replace(ready, recipe=parse(changed(ready.recipe.text, "choose.minutes=1e-9")))
    report = fit(ready, Run.of(ready, tmp_path), Hardware("cpu", "1"), resume=False).report
    assert report.epochs <= 1
    assert "that choose.minutes allows" in capsys.readouterr().out


@pytest.mark.full
def test_the_exported_card_names_all_candidates(tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from training import cli

    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "rows.npz", x=two_moons())
    (tmp_path / "choice.toml").write_text(TEXT.format(path="rows.npz", first="[1]", second="[2]"))
    runner = CliRunner()
    assert runner.invoke(cli.app, ["fit", "choice.toml"], catch_exceptions=False).exit_code == 0
    assert runner.invoke(cli.app, ["export", "choice.toml"], catch_exceptions=False).exit_code == 0
    store = bundle.Store(tmp_path / "models")
    assert store.versions("tiny-choice") == [1, 2]
    card = bundle.read(store.locate(bundle.Reference.parse("tiny-choice"))).read_bytes("CARD.md").decode()
    assert "family: 1-gmm" in card
    assert "validation log prob of 0-gmm" in card
