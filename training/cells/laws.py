"""What the components of a mixture say of the columns of a table: normal laws of numbers, tables of what is counted.

Given the component, a counted column does not depend on any other: it has a table of probabilities, so that densities,
samples, marginals and conditionals stay exact. Tables are fitted by expectation-maximisation like everything else (the
latent class model of P. Lazarsfeld, N. Henry, "Latent Structure Analysis", 1968; with normal laws beside it, L. Hunt,
M. Jorgensen, "Clustering mixed data", WIREs Data Mining and Knowledge Discovery 1, 2011), with one made-up item for
each component, of the shares that the values have in all of them.

Few evenly spaced numbers that are counted may be followed by others: the rule of succession gives these 1/(n + 1) for n
items, half of it to either side, 1/j − 1/(j + 1) of that to the j-th step beyond. Samples do not go there.

Other evenly spaced numbers get the probability of their cell, given the columns before at their values.
"""

import numpy as np
import torch
from torch import Tensor, nn

from training.cells.cells import Cells
from training.cells.normal_law import log_between, log_upper_tail


class ColumnLaws(nn.Module):
    """Tables of the components for every counted column, and what is made of the normal laws of the others."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.cells = Cells(dims)
        self.tables = nn.Parameter(torch.zeros(1, 0, dtype=torch.float64), requires_grad=False)  # (components, values)
        self.register_buffer("items", torch.ones((), dtype=torch.float64))

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: object) -> None:
        self.tables.data = torch.zeros_like(state_dict[f"{prefix}tables"])  # its size is known only after fitting
        super()._load_from_state_dict(state_dict, prefix, *args)

    def take(self, tables: np.ndarray, items: int) -> None:
        """Takes over log-probabilities (components, values) of all counted columns, one after the other."""
        self.tables.data = torch.from_numpy(tables)
        self.items.fill_(items)

    def places(self, x: np.ndarray) -> np.ndarray:
        """Where the values of counted columns stand in the tables, int64 (items, counted), for items (items, dims)."""
        steps, _ = self.cells.steps(torch.from_numpy(x))
        return steps.long().numpy() + np.asarray(_firsts(self.cells.sizes), np.int64)

    def fitted(self, places: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Tables (components, values) of items of which every component has a share, (items, components)."""
        return np.concatenate(
            [
                _smoothed(places[:, column] - first, shares, size)
                for column, (first, size) in enumerate(zip(_firsts(self.cells.sizes), self.cells.sizes, strict=True))
            ],
            axis=1,
        )

    def terms(self, densities: Tensor, normals: Tensor, x: Tensor) -> Tensor:
        """Log p(x_d | x_<d, k), float64 (batch, components, dims), 0 where x (batch, dims) is missing.

        ``densities`` are those of the normal laws, ``normals`` (batch, 2, components, dims) their standardised
        distances and log-precisions, −log of the conditional standard deviations. Of values that lie apart what comes
        back are probabilities.
        """
        if not self.cells.apart:
            return densities
        missing = torch.isnan(x)[:, None]
        filled = torch.where(torch.isnan(x), 0.0, x)
        precision = torch.exp(normals[:, 1])
        ends = [end - filled.double() for end in self.cells.bounds(filled)]
        low, high = (normals[:, 0] + end[:, None] * precision for end in ends)
        found = torch.where(self.cells.quantum > 0, torch.where(missing, 0.0, log_between(low, high)), densities)
        return self._with_counted(found, torch.where(missing, 0.0, self._counted(filled)))

    def _with_counted(self, terms: Tensor, counted: Tensor) -> Tensor:
        """The terms, those of counted columns put in; both (…, dims)."""
        return torch.where(self.cells.count > 0, counted, terms)

    def _counted(self, x: Tensor) -> Tensor:
        """Log-probabilities of counted columns in their places, 0 elsewhere, (batch, components, dims)."""
        found = torch.zeros(x.shape[0], self.tables.shape[0], x.shape[1], dtype=torch.float64, device=x.device)
        if not self.cells.counted:
            return found
        steps, beyond = self.cells.steps(x)
        places = steps.long() + torch.tensor(_firsts(self.cells.sizes), device=x.device)
        inside = self.tables[:, places].transpose(0, 1) + self._log_inside()  # (batch, components, counted)
        far = torch.clamp(beyond, min=1)
        outside = -torch.log(2 * (self.items + 1)) - torch.log(far) - torch.log(far + 1)
        values = torch.where((beyond > 0)[:, None], outside[:, None], inside)
        return found.index_copy(2, torch.tensor(self.cells.counted, device=x.device), values)

    def _log_inside(self) -> Tensor:
        """Log of the share of what was seen, for every counted column: all of it of categories; (counted,)."""
        endless = self.cells.endless[torch.tensor(self.cells.counted)]
        return torch.where(endless, torch.log(self.items) - torch.log(self.items + 1), 0.0)

    def log_tails(self, tails: Tensor, x: Tensor, log_weights: Tensor) -> Tensor:
        """Log tail probabilities (batch, dims), those of counted columns put in; 0 where x is missing.

        Of a counted value this is the probability of all values that are no more likely. ``log_weights`` are log p(k |
        x_<d), (batch, components, dims).
        """
        if not self.cells.counted:
            return tails
        filled = torch.where(torch.isnan(x), 0.0, x)
        steps, beyond = self.cells.steps(filled)
        parts = zip(self.cells.counted, _firsts(self.cells.sizes), self.cells.sizes, strict=True)
        found = [
            self._log_tail(log_weights[:, :, column], slice(first, first + size), steps[:, place], beyond[:, place])
            for place, (column, first, size) in enumerate(parts)
        ]
        columns = torch.tensor(self.cells.counted, device=x.device)
        put = torch.zeros_like(tails).index_copy(1, columns, torch.stack(found, 1).to(tails.dtype))
        return torch.where(torch.isnan(x), 0.0, self._with_counted(tails, put))

    def _log_tail(self, log_weights: Tensor, values: slice, step: Tensor, beyond: Tensor) -> Tensor:
        """That of one column, (batch,)."""
        table = torch.logsumexp(log_weights[:, :, None] + self.tables[:, values], 1)  # (batch, values)
        own = table.gather(1, step.long()[:, None])
        rare = torch.where(table <= own + _EQUAL, table, -torch.inf)
        outside = -torch.log(self.items + 1) - torch.log(torch.clamp(beyond, min=1))
        return torch.where(beyond > 0, outside, torch.clamp(torch.logsumexp(rare, 1), max=0))

    def draw(self, x: Tensor, chosen: Tensor, eps: Tensor, temperature: Tensor) -> Tensor:
        """Samples (batch, dims), float64, those of counted columns put in: of one component for each row, (batch,).

        A normal number becomes a uniform one by its distribution function, and that a value by the inverse of its.
        """
        if not self.cells.counted:
            return x
        eps = eps.double()
        tail = torch.exp(log_upper_tail(eps.abs()))
        u = torch.where(eps < 0, tail, 1 - tail)
        tables = self.tables[chosen]  # (batch, values)
        parts = zip(self.cells.counted, _firsts(self.cells.sizes), self.cells.sizes, strict=True)
        values = [
            self.cells.x_of(column, _step(tables[:, first : first + size], u[:, column], temperature))
            for column, first, size in parts
        ]
        columns = torch.tensor(self.cells.counted, device=x.device)
        return x.index_copy(1, columns, torch.stack(values, 1))


_EQUAL = 1e-9  # of two log-probabilities


def _step(table: Tensor, u: Tensor, temperature: Tensor) -> Tensor:
    """Steps (batch,) drawn from log-probabilities (batch, values); of a single value that value."""
    if table.shape[1] == 1:
        return torch.zeros_like(u)
    ends = torch.cumsum(torch.softmax(table / temperature.double()[:, None], 1), 1)[:, :-1]
    return (u[:, None] >= ends).sum(1).double()


def _firsts(sizes: tuple[int, ...]) -> list[int]:
    """Where the table of each column begins."""
    return [sum(sizes[:place]) for place in range(len(sizes))]


def _smoothed(values: np.ndarray, shares: np.ndarray, size: int) -> np.ndarray:
    """Log-probabilities (components, size) of the values of one column, int64 (items,)."""
    everywhere = np.bincount(values, minlength=size) + 1.0
    counts = np.stack([np.bincount(values, share, minlength=size) for share in shares.T])
    smoothed = counts + everywhere / everywhere.sum()
    return np.log(smoothed / smoothed.sum(1, keepdims=True))
