"""The table of all commands: where each is, what it says in a line, and examples that work.

A command is imported when it is called, so that ``pofx --help`` needs nothing but this table, and ``pofx score`` no
training. Examples are run by the tests.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Extra = Literal["cpu", "service", "training"]


@dataclass(frozen=True)
class Command:
    """A function as ``module:attribute``; ``extra`` is what has to be installed for it, ``panel`` its place in help."""

    target: str
    help: str
    examples: tuple[str, ...]
    extra: Extra = "cpu"
    panel: str = "Commands"


@dataclass(frozen=True)
class Group:
    """Commands below a word."""

    help: str
    commands: Mapping[str, Command]
    panel: str = "Commands"


_USING = "Use models"
_FITTING = "Make models (needs the training packages)"

TRAINING: Mapping[str, Command] = {
    "fit": Command(
        "training.commands.fitting:fit_command",
        "Fit, evaluate, calibrate and export a recipe as a new bundle.",
        (
            "pofx fit recipes/digits-made.toml",
            "pofx fit recipes/digits-made.toml --smoke",
            "pofx fit recipes/digits-made.toml --set fit.epochs=5 --set data.limit=500",
        ),
        "training",
        _FITTING,
    ),
    "evaluate": Command(
        "training.commands.fitting:evaluate_command",
        "Print test likelihood and class shares of a fitted run.",
        ("pofx evaluate recipes/digits-bernoulli.toml", "pofx evaluate recipes/digits-made.toml --smoke"),
        "training",
        _FITTING,
    ),
    "export": Command(
        "training.commands.fitting:export_command",
        "Export a fitted run once more, as a new version.",
        ("pofx export recipes/digits-bernoulli.toml", "pofx export recipes/digits-made.toml --smoke"),
        "training",
        _FITTING,
    ),
    "renew": Command(
        "training.commands.fitting:renew_command",
        "Export a bundle's sampler anew, with the weights it has.",
        ("pofx renew mnist-nade", "pofx renew mnist-nade:4 --store models"),
        "training",
        _FITTING,
    ),
    "compare": Command(
        "training.commands.comparing:compare_command",
        "Compare our statistics with classic detectors.",
        (
            "pofx compare --sets cardio,vowels --seeds 1",
            "pofx compare --sets cardio --methods none --protocol both",
        ),
        "training",
        _FITTING,
    ),
    "data": Command(
        "training.commands.fetching:data_command",
        "Download and verify a data set.",
        ("pofx data mnist", "pofx data mnist --folder data/mnist"),
        "training",
        _FITTING,
    ),
    "families": Command(
        "training.commands.listing:families_command",
        "List the families of models, or the options of one.",
        ("pofx families", "pofx families made"),
        "training",
        _FITTING,
    ),
}

CALIBRATE = Command(
    "pofx.cli.calibrating:calibrate_command",
    "Calibrate a model on normal items of your own, without training.",
    (
        'pofx calibrate breast-cancer-gmm healthy.csv --data "our clinic, 2026"',
        "pofx calibrate digits-bernoulli digits.npz --labels digit",
    ),
    panel=_USING,
)

MODELS: Mapping[str, Command] = {
    "list": Command(
        "pofx.cli.models_shown:list_command",
        "List the models of a store and their versions.",
        ("pofx models list", "pofx models list --versions"),
    ),
    "show": Command(
        "pofx.cli.models_shown:show_command",
        "Show what a model takes, can do and promises.",
        ("pofx models show magic-made", "pofx models show mnist-vae --metrics"),
    ),
    "diff": Command(
        "pofx.cli.models_compared:diff_command",
        "Compare two versions, or their verdicts on a file.",
        (
            "pofx models diff digits-bernoulli digits-bernoulli:5",
            "pofx models diff mnist-made mnist-nade",
            "pofx models diff digits-bernoulli digits-bernoulli:5 --on digits.npy",
        ),
    ),
    "verify": Command(
        "pofx.cli.models_verified:verify_command",
        "Check checksums and golden vectors, and say what is wrong.",
        ("pofx models verify", "pofx models verify magic-made"),
    ),
    "promote": Command(
        "pofx.cli.models_changed:promote_command",
        "Say which version a bare name means.",
        ("pofx models promote digits-bernoulli:4", "pofx models promote digits-bernoulli:4 --store models"),
    ),
    "rollback": Command(
        "pofx.cli.models_changed:rollback_command",
        "Go back to the version that was promoted before.",
        ("pofx models rollback digits-bernoulli", "pofx models rollback digits-bernoulli --store models"),
    ),
    "remove": Command(
        "pofx.cli.models_changed:remove_command",
        "Remove a version from the store; its number is not used again.",
        ("pofx models remove digits-bernoulli:5", "pofx models remove digits-bernoulli:5 --yes"),
    ),
}

COMMANDS: Mapping[str, Command | Group] = {
    "score": Command(
        "pofx.cli.scoring:score_command",
        "Score a file or folder: p-values, verdicts, the worst items.",
        (
            "pofx score rows.parquet -m magic-made -o scores.parquet",
            "pofx score pictures -m mnist-made --alpha 0.05 --report report",
            "pofx score rows.csv -m magic-made --fdr 0.1 --worst 5 -o scores.csv",
        ),
        panel=_USING,
    ),
    "sample": Command(
        "pofx.cli.sampling:sample_command",
        "Draw samples from a model.",
        (
            "pofx sample -m mnist-made -n 64 --seed 1 -o digits.png",
            "pofx sample -m magic-made -n 1000 -o rows.csv",
            "pofx sample -m mnist-made --temperature 0.7 -o samples.npy",
        ),
        panel=_USING,
    ),
    "encode": Command(
        "pofx.cli.encoding:encode_command",
        "Turn items into latent vectors.",
        (
            "pofx encode pictures -m mnist-vae -o codes.csv",
            "pofx encode pictures -m mnist-vae -o codes.npy",
        ),
        panel=_USING,
    ),
    "calibrate": CALIBRATE,
    "serve": Command(
        "service.__main__:serve_command",
        "Serve the models of a store over HTTP.",
        ("pofx serve", "pofx serve --store models --port 8000", "pofx serve --check"),
        "service",
        _USING,
    ),
    "models": Group("List, show, compare, verify, promote and remove models.", MODELS, _USING),
    **TRAINING,
}
