"""The local service in a thread, and a client that asks it."""

import http.client
import json
import threading
from contextlib import contextmanager

from sw.play.serve import listen, server_of


class Client:
    """Asks the service, each time over a connection of its own."""

    def __init__(self, port):
        self.port = port

    def __call__(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, names)
        answer = connection.getresponse()
        found = answer.status, answer.read(), dict(answer.getheaders())
        connection.close()
        return found

    def refuses(self, status, text, method, path, body=None, **headers):
        """The answer is one line, and the service still serves."""
        found, told, _ = self(method, path, body, **headers)
        line = json.loads(told)["error"]
        assert (found, "\n" in line) == (status, False) and text in line
        assert self("GET", "/")[0] == 200

    def session(self, body):
        status, told, _ = self("POST", "/device", body)
        assert status == 200, told
        return json.loads(told)["session"]


@contextmanager
def serving(bench, device="golden"):
    with listen(0) as listener:
        server = server_of(listener, device, bench)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Client(listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()
