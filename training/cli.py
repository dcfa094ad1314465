"""The command line ``python -m training``: those commands of ``pofx`` that make models, and calibrate."""

from pofx.cli.commands import CALIBRATE, TRAINING
from pofx.cli.lazy import application

app = application(
    "python -m training",
    "Trains generative models and exports them as verified bundles that `pofx serve` serves.",
    {**TRAINING, "calibrate": CALIBRATE},
)


def main() -> None:
    """Runs the command line."""
    app(prog_name="python -m training")
