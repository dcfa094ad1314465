"""What several families are made of; what one family needs alone is in its own file."""
