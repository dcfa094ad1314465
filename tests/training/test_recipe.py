"""Every shipped recipe is valid; every mistake is named, with the nearest known key."""

from pathlib import Path

import pytest

from training.errors import RecipeError
from training.prepare import prepare
from training.recipe import describe, parse, read
from training.zoo import FAMILIES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_recipes_are_valid_and_named_like_their_file(path):
    assert read(path).name == path.stem


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_a_recipe_is_read_whatever_marks_its_encoding(encoding, text, tmp_path):
    korean = text("made").replace("for tests", "펌프 시험")
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    (tmp_path / "r.toml").write_bytes(mark + korean.replace("\n", "\r\n").encode(encoding))
    assert read(tmp_path / "r.toml") == parse(korean)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('summary = "펌프"'.encode("cp949"), r"r\.toml: not UTF-8 at byte 11, perhaps cp949 \(.*\)$"),
        ('summary = "café"'.encode("latin-1"), r"r\.toml: not UTF-8 at byte 14; save it as UTF-8"),
        (b"\xff\xfea", r"r\.toml: not UTF-16 as its first bytes say"),
        (b"PK\x03\x04", r"r\.toml: expected text, got an Excel workbook or another zip"),
    ],
)
def test_a_recipe_in_another_encoding_is_refused_in_one_line(content, words, tmp_path):
    (tmp_path / "r.toml").write_bytes(content)
    with pytest.raises(RecipeError, match=words) as refused:
        read(tmp_path / "r.toml")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs", "epocs", r"fit\.epocs: unknown key, did you mean 'epochs'\?"),
        ("hidden", "hiden", r"family\.hiden: unknown key, did you mean 'hidden'\?"),
        ("mode", "modes", r"transform\.modes: unknown key, did you mean 'mode'\?"),
        ("summary", "sumary", r"sumary: unknown key, did you mean 'summary'\?"),
        (
            'source = "digits"',
            'source = "digit"',
            r"data\.source: no 'digit', did you mean 'digits'\?; there",
        ),
        ('summary = "for tests"', "", r"summary: Field required$"),
        ('name = "tiny-made"', 'name = "My Made!"', r"name: .*\[a-z0-9\].*got 'My Made!'"),
        ('source = "digits"', 'source = "digits"\nsplits = 1', r"splits: unknown key, did you mean 'split'\?"),
        ('name = "made"', 'name = "maed"', r"family\.name: no 'maed', did you mean 'made'\?"),
        ("epochs = 3", "epochs = 0", r"fit\.epochs: .*greater than or equal to 1.*got 0"),
        ("[family]", "[famly]", r"\[family\] is missing"),
        ("seed = 3", "seed = ", r"not valid TOML"),
        ("hidden = [32]", 'space = "real"', r"family\.space: unknown key"),
        ("hidden = [32]", "levels = 2", r"family\.levels: unknown key"),
        ("hidden = [32]", "classes = 2", r"family\.classes: unknown key"),
        ("hidden = [32]", "end = 0", r"family\.end: unknown key"),
    ],
)
def test_a_mistake_is_explained(text, old, new, message):
    with pytest.raises(RecipeError, match=message):
        parse(text("made").replace(old, new))


def test_all_mistakes_are_reported_at_once(text):
    broken = text("made").replace("epochs", "epocs").replace("batch_size", "batchsize")
    with pytest.raises(RecipeError) as caught:
        parse(broken)
    assert "epocs" in str(caught.value)
    assert "batchsize" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            "made",
            '"binarise"\nmode = "dynamic"',
            '"signed_unit"',
            "models binary or real data, transform 'signed_unit' gives",
        ),
        ("gmm", '"standardise"', '"binarise"', "transform 'binarise' takes images, .* has rows"),
        ("gmm", '["benign"]', '["healthy"]', "no label 'healthy'; there is: malignant, benign"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(text, name, old, new, message):
    with pytest.raises(Exception, match=message):
        prepare(parse(text(name).replace(old, new)))


def test_a_side_the_generator_cannot_build_is_refused(text, tmp_path):
    import numpy as np

    np.savez(tmp_path / "odd.npz", x=np.zeros((50, 6, 6), np.uint8))
    odd = text("dcgan").replace('source = "digits"', f'source = "npz"\npath = "{tmp_path / "odd.npz"}"')
    with pytest.raises(RecipeError, match="divisible by 4, got 6x6"):
        prepare(parse(odd))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_explains_its_options(family):
    rows = describe(FAMILIES[family].Options)
    assert rows
    assert all(name and meaning for name, *_, meaning in rows)
