"""What stands between MycoPod and fakepve: TLS on both sides, and two things made as Proxmox VE 8.4.1 has them.

- MycoPod speaks to 8.4 alone; fakepve calls itself 9.0.10 and cannot be told otherwise. While `as_known` is set,
  `GET /version` is answered as 8.4.1.
- A client writes the ticket percent-encoded into its cookie, as browsers do. Proxmox VE decodes it; fakepve does not,
  so it is decoded here.

Everything else goes on as it came, and its answer comes back as it is. What passed is kept in `seen`, so that a test
can say what was asked how often.
"""

import http.client
import http.server
import json
import ssl
import threading
import urllib.parse

RELEASE = {"version": "8.4.1", "release": "8.4", "repoid": "fakepve"}
# Headers that belong to one connection, not to the message.
OWN = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}
# An answer of fakepve may take this long, in seconds.
ANSWER_S = 60


class Front:
    """Serves on a free port of the loopback; `address` is where."""

    def __init__(self, certificate, key, upstream):
        self.upstream = upstream
        self.seen = []
        self.as_known = True
        self.trust = ssl.create_default_context(cafile=certificate)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        # The handshake is each connection's own business, never that of the one that accepts.
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.address = f"https://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def sent(self, method, path):
        """How many such requests passed."""
        return sum((m, p) == (method, path) for m, p, _ in self.seen)

    def writes(self):
        """Requests that change something, in order; signing in is none."""
        return [(m, p) for m, p, _ in self.seen if m != "GET" and p != "/access/ticket"]

    def ask(self, method, path, headers, body):
        """One request to fakepve over a connection of its own: status, reason, headers, body."""
        connection = http.client.HTTPSConnection(*self.upstream, context=self.trust, timeout=ANSWER_S)
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.reason, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _handler(front):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # One answer is one packet, sent at once.
            wbufsize = -1
            disable_nagle_algorithm = True

            def setup(self):
                self.request.do_handshake()
                super().setup()

            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {k.lower(): v for k, v in self.headers.items() if k.lower() not in OWN}
                if "cookie" in headers:
                    headers["cookie"] = urllib.parse.unquote(headers["cookie"])
                status, reason, back, data = front.ask(self.command, self.path, headers, body or None)
                path = self.path.partition("?")[0].removeprefix("/api2/json")
                front.seen.append((self.command, path, status))
                if front.as_known and (self.command, path, status) == ("GET", "/version", 200):
                    data = json.dumps({"data": RELEASE}).encode()
                # The reason is where Proxmox VE says what went wrong.
                self.send_response_only(status, reason)
                for name, value in back:
                    if name.lower() not in OWN:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = pass_on

            def log_message(self, *_):
                pass

        return Handler
