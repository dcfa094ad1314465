"""What commands tell a person on the way."""

from rich.console import Console

console = Console()


def say(line: str) -> None:
    """Prints a line as it is, however long."""
    console.print(line, soft_wrap=True, highlight=False)
