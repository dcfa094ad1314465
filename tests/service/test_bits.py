"""A row's bits do not depend on its batch, for every graph of every model, nor a sample's on who else is asking."""

import numpy as np


def test_every_graph_gives_the_same_bits_alone_and_in_any_batch(app, client):
    random = np.random.default_rng(1)
    for model in app.state.services.registry.all():
        for name, graph in model.graphs.items():
            assert graph.layout is not None, f"{model.manifest.reference} {name}"
            arrays = {
                item.name: _random(random, item, 37) for item in graph.spec.inputs if item.name not in graph.shared
            }
            wanted = tuple(output.name for output in graph.spec.outputs)
            whole = graph.run(arrays, wanted)
            for start, stop in [(0, 1), (36, 37), (5, 8), (1, 36), (7, 24)]:
                part = graph.run({key: array[start:stop] for key, array in arrays.items()}, wanted)
                assert all(part[key].tobytes() == whole[key][start:stop].tobytes() for key in wanted)


def test_the_same_seed_draws_the_same_bits_alone_and_under_load(client):
    def ask(model, n, seed):
        return ("/generate", {"json": {"model": model, "n": n, "seed": seed, "format": "array"}})

    for model in ("tiny-made", "tiny-vae", "tiny-gan", "tiny-table"):
        alone = client.together([ask(model, 5, 7)])[0].json()["samples"]
        others = [ask(name, n, n) for n in (1, 2, 13, 40) for name in ("tiny-made", "tiny-vae", "tiny-table")]
        answers = client.together([*others, ask(model, 5, 7), *others, ask(model, 9, 7)])
        assert answers[len(others)].json()["samples"] == alone
        assert answers[-1].json()["samples"][:5] == alone


def _random(random, item, rows):
    shape = (rows, *item.shape[1:])
    if item.dtype == "uint8":
        return random.integers(0, 256, shape).astype(np.uint8)
    return random.random(shape).astype(item.dtype) if item.role != "option" else np.full(shape, 1.0, item.dtype)
