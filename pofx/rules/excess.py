"""What a manifest keeps of false alarms among normal items that were kept aside, and what a person is warned of."""

from collections.abc import Iterable

from pofx import bundle
from pofx.rules.false_alarms import FalseAlarms

_CARD_START = "> **Warning:**"


def excess(statistic: str, rows: Iterable[FalseAlarms]) -> list[bundle.ExcessAlarms]:
    """The rates of a statistic that chance does not explain."""
    return [
        bundle.ExcessAlarms(statistic=statistic, alpha=row.alpha, rate=row.rate, limit=row.limit)
        for row in rows
        if row.too_many
    ]


def warning(score: bundle.Score | None) -> str | None:
    """What must be said of a calibration that cannot keep its promises; None where there is nothing."""
    if score is None:
        return None
    return "; ".join(filter(None, (_untold(score.calibration), _excess(score)))) or None


def _untold(calibration: bundle.Calibration) -> str | None:
    groups = calibration.groups
    if groups is None or groups.told:
        return None
    return (
        f"calibrated without its groups: items of this model come in {groups.by}, and nothing said which of these "
        f"{groups.items:,} belong together. They say less than as many independent ones: what alpha, fdr and drift "
        "promise does not hold. Calibrate again, and say what belongs together (`group`)"
    )


def _excess(score: bundle.Score) -> str | None:
    held_out = score.calibration.held_out
    if held_out is None or not held_out.excess:
        return None
    worst = max(held_out.excess, key=lambda item: (item.statistic == score.statistics[0].name, item.rate / item.limit))
    others = f", and {len(held_out.excess) - 1} more such rates" if len(held_out.excess) > 1 else ""
    return (
        f"more false alarms than promised: at alpha {worst.alpha:g} a share {worst.rate:.3g} of normal items by "
        f"{worst.statistic}, where chance explains at most {worst.limit:.3g} ({held_out.items:,} items, "
        f"{held_out.comparison}){others}. These items are not exchangeable (windows of the same recordings, for "
        "instance, or batches that differ): what alpha, fdr and drift promise does not hold for new ones"
    )


def marked(card: str, score: bundle.Score | None) -> str:
    """The card with the warning below its title, if there is something to warn of, instead of any it had before."""
    parts = [part for part in card.split("\n\n") if not part.startswith(_CARD_START)]
    words = warning(score)
    return "\n\n".join(parts if words is None else [parts[0], f"{_CARD_START} {words}.", *parts[1:]])
