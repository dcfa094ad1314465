"""What a command line says of scores: how items are judged, and what is written."""

from pathlib import Path
from typing import Annotated

import typer

from pofx.rules.promises import Promise

ScoresFile = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="A .csv or .parquet file for the scores; without it CSV goes to a pipe, and nothing to a terminal.",
    ),
]
Alpha = Annotated[
    float | None, typer.Option("--alpha", metavar="RATE", help="False-alarm rate of the verdict; usually 0.01.")
]
PromiseName = Annotated[
    Promise,
    typer.Option(
        "--promise",
        metavar="marginal|pac|pac_all",
        help="marginal: the rate on average; pac: with 95 % confidence; pac_all: for all labels at once.",
    ),
]
StatisticName = Annotated[
    str | None,
    typer.Option("--verdict", metavar="NAME", help="The statistic that decides; usually the model's first."),
]
LabelName = Annotated[
    str | None, typer.Option("--label", metavar="LABEL", help="Compare with calibration items of this label only.")
]
Fdr = Annotated[
    float | None,
    typer.Option("--fdr", metavar="RATE", help="Also mark discoveries, of which at most this share is false."),
]
StreamFile = Annotated[
    Path | None,
    typer.Option(
        "--online-fdr",
        metavar="STATE.json",
        help="Hold --fdr over all items that were ever scored with this file, which is made or goes on.",
    ),
]
GroupPlace = Annotated[
    str | None,
    typer.Option(
        "--group",
        metavar="WHERE",
        help="What items belong together (recording, machine, patient), so that --fdr counts groups: a column of the "
        "table or of captions.csv, an array of the .npz, or folder or top-folder of every file.",
    ),
]
HowManyWorst = Annotated[
    int, typer.Option("--worst", min=0, metavar="N", help="How many of the most anomalous items to show.")
]
ReportFolder = Annotated[
    Path | None,
    typer.Option(
        "--report", metavar="DIR", help="A folder for report.html: counts, p-values, and the worst items explained."
    ),
]
