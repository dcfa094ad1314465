"""The one load driver of the benchmarks: closed loops and Poisson arrivals over raw HTTP/1.1."""
