"""The command line: --check tells good from bad stores, and SIGTERM loses no accepted request."""

import http.client
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading

import pytest

from pofx import bundle
from service.__main__ import main


@pytest.fixture(autouse=True)
def keep_logging():
    """The command line configures the log of its process; here that process is the test run."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


BODY = json.dumps({"model": "tiny-made", "n": 64})


def test_check_of_a_good_store(store, capsys):
    assert main(["--check", "--store", str(store.root)]) == 0
    assert re.search(r"^tiny-made:1 +ok", capsys.readouterr().out, re.MULTILINE)


def test_check_of_a_spoiled_store(tmp_path, drafts, capsys):
    written = drafts["implicit_image"]().write(bundle.Store(tmp_path))
    (written.folder / "CARD.md").write_text("other")
    assert main(["--check", "--store", str(tmp_path)]) == 1
    assert "CARD.md" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_an_empty_store_says_what_to_do(tmp_path, capsys, arguments):
    assert main(["--store", str(tmp_path), *arguments]) == 1
    assert "pofx fit" in capsys.readouterr().err


def test_a_bad_setting_is_one_line_and_no_traceback(monkeypatch, capsys, store):
    monkeypatch.setenv("SERVICE_PORT", "abc")
    assert main(["--store", str(store.root)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "SERVICE_PORT: expected a valid integer, got 'abc'"


def test_every_bad_setting_has_the_name_it_was_given_by(monkeypatch, capsys):
    monkeypatch.setenv("SERVICE_DEVICE", "tpu")
    assert main(["--port", "99999"]) == 2
    assert sorted(capsys.readouterr().err.splitlines()) == [
        "--port: expected less than or equal to 65535, got 99999",
        "SERVICE_DEVICE: expected 'cpu' or 'cuda', got 'tpu'",
    ]


def test_a_misspelt_setting_is_pointed_out(monkeypatch, capsys, store):
    monkeypatch.setenv("SERVICE_MAX_SAMPELS", "3")
    monkeypatch.setenv("SERVICE_BANANA", "3")
    for name in ("WEB_TCP_ADDR", "WEB_SERVICE_HOST", "WEB_PORT", "WEB_PORT_80_TCP_PROTO"):  # of a service called web
        monkeypatch.setenv(f"SERVICE_{name}", "10.0.0.1")
    main(["--check", "--store", str(store.root)])
    other, misspelt = [line for line in capsys.readouterr().err.splitlines() if "is no setting" in line]
    assert other.endswith("SERVICE_BANANA is no setting, it is ignored")
    assert misspelt.endswith("SERVICE_MAX_SAMPELS is no setting, it is ignored; did you mean SERVICE_MAX_SAMPLES?")


def test_settings_are_listed_with_what_they_may_be(capsys):
    assert main(["--settings"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "SERVICE_DEVICE (default cpu, cpu or cuda)" in lines
    assert "SERVICE_ALPHA (default 0.01, above 0 and below 1)" in lines
    assert "SERVICE_DRIFT (default True, true or false)" in lines


def test_a_taken_port_says_what_to_set(store, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--store", str(store.root), "--port", str(port)]) == 1
    assert f"127.0.0.1:{port}; set SERVICE_PORT" in capsys.readouterr().err


class Load(threading.Thread):
    """Sends requests one after another on one connection until the server says to close it."""

    def __init__(self, port, going):
        super().__init__()
        self.port, self.going, self.answered, self.lost = port, going, 0, []

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.connect()
        while True:
            try:
                connection.request("POST", "/generate", BODY, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
            except OSError as error:
                self.lost.append(error)
                return
            self.answered += 1
            self.going.set()
            if answer.status != 200:
                self.lost.append(answer.status)
            if answer.headers.get("connection") == "close":
                return


def test_sigterm_loses_no_accepted_request(store):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "SERVICE_DRAIN_PAUSE_S": "0.3", "SERVICE_LOG_FORMAT": "json"}
    command = [sys.executable, "-m", "service", "--store", str(store.root), "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert any("tried every bundle" in line for line in process.stderr)
        reader = threading.Thread(target=process.stderr.read)
        reader.start()
        loads = [Load(port, threading.Event()) for _ in range(8)]
        for load in loads:
            load.start()
        for load in loads:
            assert load.going.wait(20)
        process.send_signal(signal.SIGTERM)
        for load in loads:
            load.join(20)
        assert process.wait(20) == 0
        reader.join()
    finally:
        process.kill()
        process.stderr.close()
    assert [load.lost for load in loads] == [[]] * 8
