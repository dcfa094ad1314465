"""What the page for people offers: an example of /calibrate that runs on a shipped model, and files that are picked."""

import shutil
from pathlib import Path

KEY = "for operators"


def test_the_example_of_calibrate_writes_a_version(serve, tmp_path):
    shutil.copytree(Path("models/breast-cancer-gmm"), tmp_path / "breast-cancer-gmm")
    with serve(store=tmp_path, operator_key=KEY) as client:
        body = client.get("/openapi.json").json()["paths"]["/calibrate"]["post"]["requestBody"]
        (example,) = body["content"]["application/json"]["examples"].values()
        answer = client.post("/calibrate", json=example["value"], headers={"X-Operator-Key": KEY})
        assert answer.status_code == 201, answer.text
        assert answer.json()["n"] == len(example["value"]["inputs"])


def test_what_is_sent_as_a_file_is_picked_as_one(client):
    paths = client.get("/openapi.json").json()["paths"]
    for path in ("/score", "/encode", "/calibrate"):
        content = paths[path]["post"]["requestBody"]["content"]
        files = [
            content["image/png"]["schema"],
            content["multipart/form-data"]["schema"]["properties"]["files"]["items"],
        ]
        assert all(schema["contentMediaType"] == "application/octet-stream" for schema in files)
