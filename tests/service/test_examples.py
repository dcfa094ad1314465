"""Every request that the page for people offers runs on the models that are shipped."""

import shutil
from pathlib import Path

MODELS = ("breast-cancer-gmm", "mnist-made", "mnist-pca", "mnist-rnn", "mnist-vae", "words-wavenet")
KEY = "for operators"


def requests_of(document):
    """Method, address and body of every example, and of every route that needs none."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            given = {item["name"]: item.get("example") for item in operation.get("parameters", ())}
            needed = [item["name"] for item in operation.get("parameters", ()) if item.get("required")]
            query = {name: given[name] for name in needed if f"{{{name}}}" not in path}
            bodies = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for example in bodies.get("examples", {"none": {"value": None}}).values():
                yield method, path.format(**given), query, example["value"]


def test_every_example_of_the_description_is_answered(serve, tmp_path):
    for name in MODELS:
        shutil.copytree(Path("models") / name, tmp_path / name)
    with serve(store=tmp_path, operator_key=KEY) as client:
        asked = list(requests_of(client.get("/openapi.json").json()))
        assert {"/score", "/generate", "/encode", "/calibrate"} <= {path for _, path, _, body in asked if body}
        for method, path, query, body in asked:
            sent = {"headers": {"X-Operator-Key": KEY}, "params": query} | ({} if body is None else {"json": body})
            answer = client.run(client.http.request(method, path, **sent))
            assert answer.status_code < 300, (method, path, body, answer.text)


def test_what_is_sent_as_a_file_is_picked_as_one(client):
    paths = client.get("/openapi.json").json()["paths"]
    for path in ("/score", "/encode", "/calibrate"):
        content = paths[path]["post"]["requestBody"]["content"]
        files = [
            content["image/png"]["schema"],
            content["multipart/form-data"]["schema"]["properties"]["files"]["items"],
        ]
        assert all(schema["contentMediaType"] == "application/octet-stream" for schema in files)
