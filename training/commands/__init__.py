"""The commands of ``pofx`` that need the training packages; ``pofx.cli.commands`` lists them."""
