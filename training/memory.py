"""The memory that is left on this machine and in the group of processes that this one belongs to."""

from pathlib import Path

_MEMINFO = Path("proc/meminfo")
_GROUPS = (  # limit, usage and statistics of control groups, versions 2 and 1
    ("memory.max", "memory.current", "inactive_file "),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "),
)


def available(root: Path = Path("/")) -> int | None:
    """Bytes that a process can still take; None where the system does not say."""
    found = [left for left in (_of_machine(root), *_of_groups(root)) if left is not None]
    return min(found, default=None)


def _of_machine(root: Path) -> int | None:
    kib = _number(root / _MEMINFO, "MemAvailable:")
    return None if kib is None else 1024 * kib


def _of_groups(root: Path) -> list[int | None]:
    return [_of_group(folder, *names) for folder in _folders(root) for names in _GROUPS]


def _folders(root: Path) -> list[Path]:
    """The folders of the process's own groups and of all groups above them."""
    mounted = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    found = {mounted, mounted / "memory"}  # in a container its own group is mounted as the root
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "memory"):
            own = Path(path.lstrip("/"))
            found |= {mounted / controllers / part for part in (own, *own.parents)}
    return sorted(found)


def _of_group(folder: Path, limit: str, usage: str, reclaimable: str) -> int | None:
    most, used = _number(folder / limit), _number(folder / usage)
    if most is None or used is None:
        return None
    return max(0, most - used + (_number(folder / "memory.stat", reclaimable) or 0))


def _number(path: Path, label: str = "") -> int | None:
    """The number after a label at the beginning of a line; None if there is no such file, line or number."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    words = next((line[len(label) :].split() for line in lines if line.startswith(label)), [])
    return int(words[0]) if words and words[0].isdigit() else None
