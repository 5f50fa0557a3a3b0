"""The pages, as a browser asks for them."""

import http.client
import re
import urllib.parse


class Browser:
    """Somebody who is signed in. Cookies are kept as a browser does on `localhost`, which counts as a secure origin."""

    def __init__(self, port, name, password):
        self.port = port
        self.cookies = {}
        _, page = self.ask("GET", "/sign-in")
        token = re.search(r'name="csrf" value="([^"]*)"', page)[1]
        form = urllib.parse.urlencode({"csrf": token, "next": "", "name": name, "password": password})
        status, page = self.ask("POST", "/sign-in", form)
        assert status == 303, f"signing in answered {status}\n{page}"

    def ask(self, method, path, form=None):
        connection = http.client.HTTPConnection("localhost", self.port, timeout=30)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
                   "Origin": f"http://localhost:{self.port}", "Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, path, body=form, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        for cookie in answer.msg.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer.status, text

    def page(self, path):
        status, text = self.ask("GET", path)
        assert status == 200, f"{path} answered {status}"
        return text
