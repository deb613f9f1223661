"""A local web server with scripted faults."""

from __future__ import annotations

import http.server
import re
import threading


class Host:
    """A web server with scripted answers, of which the last one is repeated.

    Each answer is the name of a method of `Handler`.
    """

    def __init__(self, body=b"", answers=("whole",)):
        self.body, self.answers, self.asked = body, list(answers), []
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                host.asked.append(self.headers.get("Range"))
                turn = min(len(host.asked), len(host.answers)) - 1
                getattr(self, host.answers[turn])(host.body)

            def _send(self, status, body, promised=None, kind="application/zip", **headers):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(promised or len(body)))
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(body)

            def whole(self, body):  # ignores ranges
                self._send(200, body)

            def ranges(self, body):
                start = int(re.search(r"\d+", self.headers.get("Range", "bytes=0-"))[0])
                if not start:
                    return self._send(200, body)
                if start >= len(body):
                    return self._send(416, b"", Content_Range=f"bytes */{len(body)}")
                place = f"bytes {start}-{len(body) - 1}/{len(body)}"
                return self._send(206, body[start:], Content_Range=place)

            def other_range(self, body):
                self._send(206, body[:100], Content_Range=f"bytes 0-99/{len(body)}")

            def truncates(self, body):
                self._send(200, body[: len(body) // 2], promised=len(body))

            def truncates_unnoticed(self, body):
                self._send(200, body[: len(body) // 2])

            def stalls(self, body):
                self._send(200, body[: len(body) // 2], promised=len(body))
                self.wfile.flush()
                host.patience.wait(5)

            def missing(self, body):
                self._send(404, b"Not Found", kind="text/plain")

            def broken(self, body):
                self._send(500, b"<html>oops</html>", kind="text/html")

            def too_many(self, body):
                self._send(429, b"", Retry_After="1")

            def page(self, body):
                self._send(200, b"<html>Please sign in</html>", kind="text/html; charset=utf-8")

            def log_message(self, *_):
                pass

        self.patience = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()

    def close(self):
        self.patience.set()
        self.server.shutdown()
        self.server.server_close()
