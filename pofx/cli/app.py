"""The application."""

from pofx.cli.commands import COMMANDS
from pofx.cli.lazy import application

app = application("pofx", "Trains generative models, and scores, samples and encodes with them.", COMMANDS)
