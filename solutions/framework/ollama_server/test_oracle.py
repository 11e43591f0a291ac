"""framework/ollama_server behind a real socket: asked by Ollama's own client package, and by Python's http.client."""

import http.client
import json
import threading
from contextlib import contextmanager
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.validate import validator

import pytest
import torch


class Bytes:
    """A model that goes on as a text that it knows does, byte by byte; what a seed draws is that text or an x."""

    TEXT = "Здравствуй, 世界! 👋 It ends <here> and not later.".encode()
    eos = 256

    def __init__(self, likes=60.0):
        self.likes = likes

    def encode(self, text):
        return [300 + len(word) for word in text.split()]

    def prompt(self, messages):
        return " ".join(each["content"] for each in messages)

    def piece(self, token):
        return bytes([token])

    def logits(self, tokens):
        written = [token for token in tokens if token < 256]
        logits = torch.zeros(257, dtype=torch.float64)
        logits[ord("x")] = self.likes / 2
        logits[self.TEXT[len(written)] if len(written) < len(self.TEXT) else self.eos] = self.likes
        return logits


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def served(app):
    with make_server("127.0.0.1", 0, app, server_class=WSGIServer, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def port(reference):
    models = {"known": Bytes, "wild": lambda: Bytes(2.0)}
    with served(reference.App(models, max_loaded=2)) as port:
        yield port


@pytest.fixture
def client(port):
    ollama = pytest.importorskip("ollama")
    return ollama.Client(host=f"http://127.0.0.1:{port}", trust_env=False)


CALM = {"temperature": 0, "num_predict": -1}


def test_the_client_gets_a_text(client):
    found = client.generate("known", "Say it", options=CALM)
    assert found.response.encode() == Bytes.TEXT
    assert found.done and found.done_reason == "stop" and found.eval_count == len(Bytes.TEXT) and found.prompt_eval_count == 2
    assert found.total_duration == found.load_duration + found.prompt_eval_duration + found.eval_duration > 0


def test_the_client_reads_a_stream(client):
    parts = list(client.generate("known", "Say it", stream=True, options=CALM))
    assert "".join(part.response for part in parts).encode() == Bytes.TEXT
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert all(len(part.response) == 1 for part in parts[:-1])  # each character by itself, whole


def test_the_client_chats_and_stops(client):
    messages = [{"role": "user", "content": "Say it"}]
    whole = client.chat("known", messages, options=CALM | {"stop": ["<here>"]})
    assert whole.message.role == "assistant" and whole.message.content.endswith("It ends ")
    streamed = client.chat("known", messages, stream=True, options=CALM | {"stop": ["<here>"]})
    assert "".join(part.message.content for part in streamed) == whole.message.content


def test_the_client_lists_and_gets_errors(client):
    ollama = pytest.importorskip("ollama")
    assert [model.model for model in client.list().models] == ["known", "wild"]
    assert client.ps().models == []
    with pytest.raises(ollama.ResponseError, match="llama9") as error:
        client.generate("llama9", "x")
    assert error.value.status_code == 404
    client.generate("wild", "", keep_alive=-1)
    assert [model.model for model in client.ps().models] == ["wild"]


@pytest.mark.parametrize("seed", [0, 7])
def test_a_seed_gives_the_same_again(client, seed):
    texts = [client.generate("wild", "x", options={"seed": seed, "num_predict": 30}).response for _ in range(2)]
    assert texts[0] == texts[1]
    assert client.generate("wild", "x", options={"seed": seed + 1, "num_predict": 30}).response != texts[0]


def test_lines_come_before_the_answer_is_complete(reference):
    """A model that waits until its first line was read: the stream must not be collected."""
    read = threading.Event()

    class Waits(Bytes):
        TEXT = b"Hello, world"

        def logits(self, tokens):
            if any(token < 256 for token in tokens):
                assert read.wait(20), "nobody has read the first line yet"
            return super().logits(tokens)

    with served(reference.App({"slow": Waits})) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        body = json.dumps({"model": "slow", "prompt": "x", "options": {"temperature": 0, "num_predict": 5}})
        connection.request("POST", "/api/generate", body)
        response = connection.getresponse()
        first = json.loads(response.readline())
        read.set()
        lines = [json.loads(line) for line in response.read().decode().splitlines()]
    assert first["response"] == "H"
    assert response.getheader("content-type") == "application/x-ndjson" and lines[-1]["done_reason"] == "length"


def test_it_is_what_pep_3333_asks_for(reference):
    """wsgiref's validator stands between the server and the application, and raises where a rule is broken."""
    with served(validator(reference.App({"known": Bytes}))) as port:
        for method, path, body in [
            ("GET", "/api/tags", None),
            ("GET", "/api/nothing", None),
            ("POST", "/api/generate", json.dumps({"model": "known", "prompt": "x", "options": CALM})),
            ("POST", "/api/generate", "{"),
        ]:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request(method, path, body)
            response = connection.getresponse()
            text = response.read()
            assert response.status in (200, 400, 404) and [json.loads(line) for line in text.splitlines()]
