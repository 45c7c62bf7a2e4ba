"""An HTTP server in this process that answers as a test says, and remembers."""

import gzip
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from trackstore.tests.waiting import LONG


class Request:
    """A request that has come: its path, headers and body as it was sent."""

    def __init__(self, path, headers, body):
        self.path, self.headers, self.raw = path, headers, body

    @property
    def body(self):
        packed = self.headers.get('Content-Encoding') == 'gzip'
        return gzip.decompress(self.raw) if packed else self.raw

    @property
    def json(self):
        return json.loads(self.body)


class Receiver:
    """Listens on this machine; ``answers`` are used up one by one, then it is 200.

    An answer is a status, or a status, headers and a body, or ``'hang up'``, or an
    event of threading: then it waits for that first.
    """

    def __init__(self, certificate=None):
        self.requests, self.answers, self.connections = [], [], 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def setup(self):
                receiver.connections += 1
                super().setup()

            def do_POST(self):
                receiver.handle(self)

            def log_message(self, *arguments):
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request, address):
                """Say nothing of connections that break: tests break them."""

        self._server = Server(('127.0.0.1', 0), Handler)
        if certificate is not None:  # the path of one with its key
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False)
        scheme = 'http' if certificate is None else 'https'
        self.url = f'{scheme}://127.0.0.1:{self._server.server_port}'
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def handle(self, handler):
        body = handler.rfile.read(int(handler.headers['Content-Length']))
        self.requests.append(Request(handler.path, handler.headers, body))
        answer = self.answers.pop(0) if self.answers else 200
        if answer == 'hang up':
            handler.close_connection = True
            return
        if isinstance(answer, threading.Event):
            answer.wait(LONG)
            answer = 200
        status, headers, text = answer if isinstance(answer, tuple) else (
            answer, {}, b'')
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        if 'Content-Length' not in headers:
            handler.send_header('Content-Length', str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)
        handler.close_connection |= headers.get('Connection') == 'close'

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
