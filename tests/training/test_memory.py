"""The memory that is left is the least of what the machine and the groups of the process leave."""

import pytest

from training.memory import available

GIB = 1 << 30


@pytest.fixture
def system(tmp_path):
    """A machine with 8 GiB left, and files of its groups."""

    def build(files: dict[str, str]):
        for place, text in {"proc/meminfo": f"MemTotal: 1 kB\nMemAvailable:  {8 << 20} kB\n", **files}.items():
            path = tmp_path / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return build


def test_without_groups_it_is_that_of_the_machine(system):
    assert available(system({})) == 8 * GIB


@pytest.mark.parametrize("folder", ["sys/fs/cgroup", "sys/fs/cgroup/a/b", "sys/fs/cgroup/a"])
def test_a_group_of_version_2_counts_with_those_above_it(system, folder):
    files = {"memory.max": f"{3 * GIB}\n", "memory.current": f"{2 * GIB}\n", "memory.stat": f"inactive_file {GIB}\n"}
    root = system({"proc/self/cgroup": "0::/a/b\n", **{f"{folder}/{name}": text for name, text in files.items()}})
    assert available(root) == 2 * GIB  # what files occupy can be had back


def test_a_group_of_version_1_counts(system):
    files = {"memory.limit_in_bytes": f"{3 * GIB}", "memory.usage_in_bytes": f"{GIB}", "memory.stat": "cache 5"}
    root = system(
        {
            "proc/self/cgroup": "4:memory:/a\n",
            **{f"sys/fs/cgroup/memory/a/{name}": text for name, text in files.items()},
        }
    )
    assert available(root) == 2 * GIB


def test_a_group_without_a_limit_leaves_what_the_machine_does(system):
    root = system({"sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/memory.current": "5\n"})
    assert available(root) == 8 * GIB


def test_a_system_that_does_not_say_refuses_nothing(tmp_path):
    assert available(tmp_path) is None
