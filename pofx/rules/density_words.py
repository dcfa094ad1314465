"""What a person is told that log_prob is."""

from pofx import bundle


def meaning(density: bundle.Density | None) -> str:
    """One line: exact, an estimate of a bound with its error, or nothing."""
    if density is None:
        return "none"
    match density.kind:
        case "exact":
            return f"exact log-density of {density.over}"
        case "lower_bound":
            name = "" if density.bound is None else f" ({density.bound})"
            return (
                f"an estimate, by one fixed draw of noise, of a lower bound{name} of the log-density of "
                f"{density.over}: right on average over draws, single values may exceed it{_error(density)}"
            )


def _error(density: bundle.Density) -> str:
    if density.standard_error is None:
        return ""
    return f"; another draw changes it by {density.standard_error:.2g} nats (standard deviation of a typical item)"
