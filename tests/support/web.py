#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A web server for tests: web.py FOLDER PORT-FILE

Serves the files of FOLDER on a loopback port, which it writes to PORT-FILE, and prints a line for
each request: METHOD PATH STATUS. Answers conditional requests by ETag and, for a file NAME that has
no NAME.etag beside it, by Last-Modified alone; NAME.nothing says that neither is to be sent. A path
/redirect/PATH leads to /PATH, /fail/N/PATH answers 503 the first N times. What is in a folder with a
file .authorization is given only to those whose header of this name says what the file does.
"""
import email.utils
import http.server
import os
import sys

FOLDER, PORT_FILE = sys.argv[1:]
failed = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", **headers):
        print(self.command, self.path, status, flush=True)
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 304:
            self.wfile.write(body)

    def validators(self, path):
        if os.path.exists(path + ".nothing"):
            return {}
        headers = {"Last_Modified": email.utils.formatdate(os.stat(path).st_mtime, usegmt=True)}
        if os.path.exists(path + ".etag"):
            with open(path + ".etag", encoding="utf-8") as file:
                headers["ETag"] = f'"{file.read().strip()}"'
        return headers

    def is_known(self, headers):
        if "ETag" in headers and "If-None-Match" in self.headers:
            return self.headers["If-None-Match"] == headers["ETag"]
        return "Last_Modified" in headers and self.headers.get("If-Modified-Since") == headers["Last_Modified"]

    def is_allowed(self, path):
        while path:
            path = os.path.dirname(path)
            secret = os.path.join(FOLDER, path, ".authorization")
            if os.path.exists(secret):
                with open(secret, encoding="utf-8") as file:
                    return self.headers.get("Authorization") == file.read().strip()
        return True

    def do_GET(self):
        path = self.path.split("?")[0]
        if path.startswith("/redirect/"):
            return self.answer(302, Location=path[len("/redirect"):])
        if path.startswith("/fail/"):
            times, path = path[len("/fail/"):].split("/", 1)
            failed[path] = failed.get(path, 0) + 1
            if failed[path] <= int(times):
                return self.answer(503)
        file = os.path.join(FOLDER, path.lstrip("/"))
        if not os.path.isfile(file):
            return self.answer(404, b"nothing here\n")
        if not self.is_allowed(path.strip("/")):
            return self.answer(401, WWW_Authenticate="Basic")
        headers = self.validators(file)
        if self.is_known(headers):
            return self.answer(304, **headers)
        with open(file, "rb") as content:
            return self.answer(200, content.read(), **headers)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024


server = Server(("127.0.0.1", 0), Handler)
with open(PORT_FILE + ".new", "w", encoding="utf-8") as port:
    port.write(str(server.server_port))
os.rename(PORT_FILE + ".new", PORT_FILE)
server.serve_forever()
