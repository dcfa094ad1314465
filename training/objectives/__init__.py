"""Lightning modules: how a family is fitted by gradient."""
