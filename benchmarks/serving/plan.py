"""What to measure: chosen on the command line, the protocol of the results without it."""

import argparse
import os
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.serving.environments import cache_folder
from benchmarks.serving.payloads import PAYLOADS, Payload
from benchmarks.serving.systems import SYSTEMS, System

SERVER_CORE, CLIENT_CORE = 0, 1


@dataclass(frozen=True)
class Plan:
    """Rounds over the systems in an order drawn anew; ``rates`` beside 70 % of what the best peer reached."""

    systems: tuple[System, ...] = SYSTEMS
    payloads: tuple[Payload, ...] = PAYLOADS
    connections: tuple[int, ...] = (1, 16, 64)
    rates: tuple[float, ...] = ()
    rounds: int = 5
    seconds: float = 5.0
    warm_up_s: float = 2.0
    shared_cores: bool = False
    environments: Path = field(default_factory=cache_folder)
    seed: int = 1

    @property
    def server_core(self) -> int | None:
        """The core of the server; None where it shares all of them with the client."""
        return None if self.shared_cores else SERVER_CORE

    @property
    def client_cores(self) -> set[int]:
        """The cores of the load driver."""
        return set(range(os.cpu_count() or 1)) if self.shared_cores else {CLIENT_CORE}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the measurement."""
    group = parser.add_argument_group("serving", "options of the measurement serving alone")
    names = [system.name for system in SYSTEMS]
    group.add_argument("--systems", nargs="+", choices=names, default=names, help="which ones (default: all)")
    group.add_argument("--payloads", nargs="+", choices=PAYLOADS, default=PAYLOADS, help="default: both")
    group.add_argument("--connections", nargs="+", type=int, default=Plan.connections, help="of the closed loops")
    group.add_argument("--rates", nargs="+", type=float, default=(), help="more open loops, in requests/s")
    group.add_argument("--rounds", type=int, default=Plan.rounds, help="how often each system is started and measured")
    group.add_argument(
        "--seconds", type=float, default=Plan.seconds, help="of a closed loop; an open one is twice that"
    )
    group.add_argument("--warm-up", type=float, default=Plan.warm_up_s, help="seconds before each that are not counted")
    group.add_argument("--shared-cores", action="store_true", help="server and client on all cores, not on one each")
    group.add_argument("--environments", type=Path, default=cache_folder(), help="folder of the peers' environments")


def chosen(arguments: argparse.Namespace) -> Plan:
    """The plan that was asked for."""
    return Plan(
        systems=tuple(system for system in SYSTEMS if system.name in arguments.systems),
        payloads=tuple(arguments.payloads),
        connections=tuple(arguments.connections),
        rates=tuple(arguments.rates),
        rounds=arguments.rounds,
        seconds=arguments.seconds,
        warm_up_s=arguments.warm_up,
        shared_cores=arguments.shared_cores,
        environments=arguments.environments,
    )
