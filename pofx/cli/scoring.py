"""``pofx score``."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from pofx import bundle
from pofx.cli.ahead import ahead, behind
from pofx.cli.items_options import ExtraColumns, ItemsFile, WrongItems
from pofx.cli.opening import USUAL_STORE, ModelName, StoreFolder, able, opened
from pofx.cli.outcome import Outcome
from pofx.cli.progress import progress
from pofx.cli.report import write_report
from pofx.cli.score_options import (
    Alpha,
    Fdr,
    GroupPlace,
    HowManyWorst,
    LabelName,
    PromiseName,
    ReportFolder,
    ScoresFile,
    StatisticName,
    StreamFile,
)
from pofx.cli.score_table import ScoreTable, Target, check_folder, score_table, target_of
from pofx.cli.summary import print_summary
from pofx.cli.tally import Found, Tally
from pofx.cli.worst import Worst
from pofx.kinds.files import Block, blocks, count
from pofx.kinds.notes import Notes
from pofx.use.file_labels import in_groups
from pofx.use.grouping import fdr_note
from pofx.use.online_fdr import OnlineFdr, begun
from pofx.use.score import Control, ScoreAsked, ScorePlan, plan
from pofx.use.scores import Scores
from pofx.use.steps import run

Scored = tuple[Block, Scores]


def score_command(
    path: ItemsFile,
    model: ModelName,
    output: ScoresFile = None,
    alpha: Alpha = None,
    promise: PromiseName = "marginal",
    verdict: StatisticName = None,
    label: LabelName = None,
    fdr: Fdr = None,
    online_fdr: StreamFile = None,
    group: GroupPlace = None,
    worst: HowManyWorst = 20,
    report: ReportFolder = None,
    extra: ExtraColumns = "keep",
    errors: WrongItems = "refuse",
    store: StoreFolder = USUAL_STORE,
) -> None:
    """Score a file or folder.

    Items stream through in blocks, so that any number of them takes little memory. The output has the columns of the
    table, or the names of files, then statistics, p-values and verdicts; it appears when it is whole.
    """
    target = _target(output)
    loaded = able(opened(model, store), "score").loaded
    control: Control = "request" if online_fdr is None else "online"
    asked = plan(loaded, ScoreAsked(alpha, promise, verdict, label, fdr, control=control))
    stream = None if online_fdr is None or fdr is None else _stream(online_fdr, asked, fdr)
    spec = loaded.manifest.input
    items = in_groups(blocks(path, spec, extra=extra, errors=errors), path, spec, group)
    with _written(target, asked.fdr) as table:
        outcome = _streamed(asked, items, path, worst, table, stream)
        if table is not None:
            table.finish(outcome.found)
    if stream is not None and online_fdr is not None:
        stream.save(online_fdr)
    console = Console(stderr=target is not None and target.path is None)
    print_summary(console, outcome)
    for what, where in (("scores", output), ("report", report and write_report(outcome, report))):
        if where is not None:
            console.print(f"{what}: {where}", highlight=False, markup=False, soft_wrap=True)


def _target(output: Path | None) -> Target | None:
    if output is not None:
        return target_of(output)
    return None if sys.stdout.isatty() else Target()


@contextmanager
def _written(target: Target | None, fdr: float | None) -> Iterator[ScoreTable | None]:
    if target is None:
        yield None
        return
    with score_table(target, fdr is not None) as table:
        yield table


def _stream(path: Path, asked: ScorePlan, fdr: float) -> OnlineFdr:
    """The stream in a file, or a new one where there is none."""
    manifest, statistic = asked.model.manifest, asked.rule.statistic
    check_folder(path)
    stream = OnlineFdr.load(path) if path.exists() else begun(manifest, asked.declared, fdr, statistic)
    stream.check(manifest.reference, statistic, fdr)
    return stream


def _streamed(
    asked: ScorePlan,
    items: Iterator[Block],
    path: Path,
    most: int,
    table: ScoreTable | None,
    stream: OnlineFdr | None,
) -> Outcome:
    """Scores all items, and writes them if they are to be written."""
    started, fdr = time.monotonic(), asked.fdr
    each = replace(asked, fdr=None)  # a block alone does not know what the discoveries among all items are
    tally, notes = Tally(asked.comparison.sizes[0]), Notes()
    worst = Worst(most, _decisive(asked))
    spec = asked.model.manifest.input
    with progress(f"scoring {path.name}", count(path, spec)) as advance, behind(_writer(table)) as write:
        for block in ahead(items):
            scores = run(each.begin(block.decoded))
            scores = scores if stream is None else stream.decide(scores)
            write((block, scores))
            tally.take(scores)
            worst.take(block, scores)
            notes.take((*block.decoded.notes, *scores.notes))
            advance(len(scores))
    found = None if fdr is None else tally.discoveries(fdr)
    said = [*notes.texts(tally.items), *(() if found is None else _about(found, tally, asked))]
    now = None if stream is None else stream.stream
    return Outcome(each, path, tally, found, worst.items, said, time.monotonic() - started, now)


def _about(found: Found, tally: Tally, asked: ScorePlan) -> tuple[str, ...]:
    """What is to be known of discoveries."""
    qualified = (fdr_note(found.fdr, asked.comparison.groups),) if tally.untold and found.tests > 1 else ()
    return (*found.notes, *qualified)


def _writer(table: ScoreTable | None) -> Callable[[Scored], None]:
    return _nothing if table is None else table.write


def _nothing(scored: Scored) -> None:
    """What is done with scores that nobody wants in a file."""


def _decisive(asked: ScorePlan) -> bundle.Statistic:
    return next(item for item in asked.declared.statistics if item.name == asked.rule.statistic)
