"""The command ``pofx``."""


def main() -> None:
    """Runs the command line; Ctrl-C is quiet from the first moment."""
    import sys

    try:
        from pofx.cli.app import app

        app(prog_name="pofx")
    except KeyboardInterrupt:
        sys.exit(130)
