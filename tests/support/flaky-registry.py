#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A registry that misbehaves as told: flaky-registry.py FOLDER [OPTIONS]

Serves the OCI layout FOLDER/oci (made by make-layout) as repository "r", its tags by name; accepts
uploads into it. Listens on two loopback ports: the registry itself and a second server ("cdn"),
to which blobs can be redirected and which gives tokens. FOLDER/ports gets "REGISTRY CDN" once
both listen. Every request is a line of FOLDER/log: SERVER METHOD PATH STATUS AUTHORIZATION RANGE.
"""
import argparse
import base64
import hashlib
import json
import os
import re
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MIB = 1024 * 1024


def arguments():
    parser = argparse.ArgumentParser()
    add = parser.add_argument
    add("folder")
    add("--fail", metavar="STATUS", type=int, help="answer like this ...")
    add("--code", default="UNAVAILABLE", help="... with this error code")
    add("--times", metavar="N", type=int, default=1, help="... the first N requests for each path")
    add("--only", metavar="REGEX", default="", help="... that match (METHOD PATH)")
    add("--challenge", metavar="TEXT", help="send this as WWW-Authenticate with failures")
    add("--drip", metavar="REGEX", help="send the body of these paths a byte at a time, without end")
    add("--flood", metavar="REGEX", help="send headers without end for these paths")
    add("--length-off", metavar="BYTES", type=int, help="announce so much more of a blob than comes, or less")
    add("--retry-after", metavar="TEXT", help="send this header with failures")
    add("--cut", metavar="BYTES", type=int, help="close the connection after so many bytes of a blob, --times per blob")
    add("--hang", metavar="BYTES", type=int, help="send no more than so many bytes of a blob, and wait")
    add("--hang-times", metavar="N", type=int, help="... only for the first N requests for each blob")
    add("--no-range", action="store_true", help="answer a Range with the whole")
    add("--refuse-range", action="store_true", help="answer a Range with 416")
    add("--no-length", action="store_true", help="end bodies by closing the connection")
    add("--damage", action="store_true", help="change one byte in the middle of each layer")
    add("--grow", action="store_true", help="append a byte to each blob")
    add("--huge", metavar="REGEX", help="endless body for these paths")
    add("--redirect", action="store_true", help="send readers of blobs to the cdn")
    add("--redirect-to", metavar="URL", help="send them there")
    add("--user", metavar="USER:PASSWORD", help="want a bearer token, sold by the cdn to this user")
    add("--basic", metavar="USER:PASSWORD", help="want this user")
    add("--token-uses", metavar="N", type=int, help="a token is good for N requests")
    add("--wrong-header", metavar="DIGEST", help="lie in Docker-Content-Digest")
    add("--media-type", metavar="TYPE", help="lie in Content-Type of manifests")
    add("--largest-body", metavar="BYTES", type=int, help="413 for uploads of more at once")
    add("--page", metavar="N", type=int, default=1000, help="tags per page")
    add("--no-mount", action="store_true")
    return parser.parse_args()


class State:
    """What all requests share."""

    def __init__(self, options):
        self.options = options
        self.layout = os.path.join(options.folder, "oci")
        self.lock = threading.Lock()
        self.counts = {}
        self.tokens = {}
        self.uploads = {}
        self.ports = {}
        self.done = threading.Event()  # never set: what waits for it waits for its client
        with open(os.path.join(options.folder, "log"), "w", encoding="utf-8"):
            pass

    def log(self, line):
        with self.lock, open(os.path.join(self.options.folder, "log"), "a", encoding="utf-8") as file:
            file.write(line + "\n")

    def first_times(self, what):
        """True for the first --times calls with this text."""
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1
            return self.counts[what] <= self.options.times

    def blob(self, digest):
        path = os.path.join(self.layout, "blobs/sha256", digest.split(":")[-1])
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest) or not os.path.exists(path):
            return None
        with open(path, "rb") as file:
            return file.read()

    def index(self):
        with open(os.path.join(self.layout, "index.json"), encoding="utf-8") as file:
            return json.load(file)

    def tags(self):
        key = "org.opencontainers.image.ref.name"
        return {m["annotations"][key]: m["digest"] for m in self.index()["manifests"]}

    def is_layer(self, data):
        return not data.startswith(b"{")

    def use_token(self, token):
        with self.lock:
            if self.tokens.get(token, 0) <= 0:
                return False
            self.tokens[token] -= 1
            return True


def is_user(header, user):
    return header == "Basic " + base64.b64encode(user.encode()).decode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_name = "registry"

    def log_message(self, format, *args):  # noqa: A002 - the name the base class has
        pass

    @property
    def state(self):
        return self.server.state

    @property
    def options(self):
        return self.server.state.options

    def note(self, status):
        self.state.log(f"{self.server_name} {self.command} {self.path} {status} "
                       f"auth={self.headers.get('Authorization', '-').split(' ')[0]} range={self.headers.get('Range', '-')}")

    def answer(self, status, body=b"", headers=()):
        self.note(status)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if self.options.no_length and status == 200:
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status, code, headers=()):
        body = json.dumps({"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}).encode()
        self.answer(status, body, headers)

    def fails(self):
        options = self.options
        what = f"{self.command} {self.path}"
        if not options.fail or not re.search(options.only, what) or not self.state.first_times(what):
            return False
        self.read_body()
        headers = [("Retry-After", options.retry_after)] if options.retry_after is not None else []
        if options.challenge:
            headers.append(("WWW-Authenticate", options.challenge))
        self.error(options.fail, options.code, headers)
        return True

    def read_body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def send_endless(self):
        self.note(200)
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            while True:
                self.wfile.write(b" " * MIB)
        except OSError:
            pass

    def send_forever(self, head, piece, pause_s):
        """Until the other side has had enough."""
        self.note(200)
        self.close_connection = True
        try:
            self.wfile.write(head)
            while not self.server.state.done.wait(pause_s):
                self.wfile.write(piece)
        except OSError:
            self.state.log("gave up")

    def is_hostile(self):
        options = self.options
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.oci.image.manifest.v1+json\r\n"
        if options.huge and re.search(options.huge, self.path):
            self.send_endless()
        elif options.drip and re.search(options.drip, self.path):
            self.send_forever(head + b"Connection: close\r\n\r\n", b" ", 0.2)
        elif options.flood and re.search(options.flood, self.path):
            self.send_forever(head, b"".join(b"X-%d: %s\r\n" % (n, b"x" * 100) for n in range(100)), 0)
        else:
            return False
        return True

    def send_blob(self, data):
        options = self.options
        start = 0
        status, headers = 200, [("Content-Type", "application/octet-stream")]
        if options.damage and self.state.is_layer(data):
            data = data[:len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1:]
        if options.grow:
            data += b"x"
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and options.refuse_range:
            self.error(416, "UNSUPPORTED")
            return
        if asked and not options.no_range:
            start = int(asked.group(1))
            status = 206
            headers.append(("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}"))
        data = data[start:]
        cut = options.cut
        if options.length_off:
            self.note(status)
            self.close_connection = True
            self.wfile.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(data) + options.length_off}\r\n\r\n".encode() + data)
            return
        if options.hang is not None and len(data) > options.hang and self.hangs():
            self.send_and_hang(status, data, headers)
            return
        if cut is None or len(data) <= cut or not self.state.first_times(f"cut {self.path}"):
            self.answer(status, data, headers)
            return
        self.note(status)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if not options.no_length:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:cut])
        self.close_connection = True

    def hangs(self):
        times = self.options.hang_times
        if times is None:
            return True
        what = f"hang {self.path}"
        with self.state.lock:
            self.state.counts[what] = self.state.counts.get(what, 0) + 1
            return self.state.counts[what] <= times

    def send_and_hang(self, status, data, headers):
        self.note(status)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:self.options.hang])
        self.state.log("hanging")
        self.close_connection = True
        self.rfile.read(1)  # until the other side is gone


class Cdn(Handler):
    """The other server: blobs without questions, tokens for the right user."""

    server_name = "cdn"

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if self.is_hostile():
            pass
        elif url.path == "/token":
            self.give_token(urllib.parse.parse_qs(url.query))
        else:
            data = self.state.blob(url.path.rpartition("/")[2])
            if data is None:
                self.error(404, "BLOB_UNKNOWN")
            else:
                self.send_blob(data)

    def give_token(self, query):
        if self.fails():
            return
        if not is_user(self.headers.get("Authorization"), self.options.user):
            self.error(401, "UNAUTHORIZED")
            return
        scope = " ".join(query.get("scope", []))
        token = hashlib.sha256(f"{scope} {len(self.state.tokens)}".encode()).hexdigest()
        with self.state.lock:
            self.state.tokens[token] = self.options.token_uses or 1000000
        self.answer(200, json.dumps({"token": token, "expires_in": 300}).encode())


class Registry(Handler):
    def welcome(self):
        """Let the request in, or answer it here."""
        options = self.options
        header = self.headers.get("Authorization", "")
        if self.fails():
            return False
        if options.basic and not is_user(header, options.basic):
            self.read_body()
            self.error(401, "UNAUTHORIZED", [("WWW-Authenticate", 'Basic realm="flaky"')])
            return False
        if options.user and not self.state.use_token(header.partition(" ")[2]):
            self.read_body()
            realm = f"http://127.0.0.1:{self.state.ports['cdn']}/token"
            challenge = f'Bearer realm="{realm}",service="flaky",scope="repository:r:pull"'
            self.error(401, "UNAUTHORIZED", [("WWW-Authenticate", challenge)])
            return False
        return True

    def do_GET(self):
        if not self.welcome():
            return
        url = urllib.parse.urlsplit(self.path)
        if self.is_hostile():
            return
        match = re.fullmatch(r"/v2/r/(manifests|blobs|tags|uploads)/(.*)", url.path)
        if url.path == "/v2/":
            self.answer(200, b"{}")
        elif not match:
            self.error(404, "NAME_UNKNOWN")
        else:
            getattr(self, "get_" + match.group(1))(match.group(2))

    do_HEAD = do_GET

    def get_manifests(self, reference):
        digest = self.state.tags().get(reference, reference)
        data = self.state.blob(digest)
        if data is None:
            self.error(404, "MANIFEST_UNKNOWN")
            return
        media_type = self.options.media_type or json.loads(data).get("mediaType", "application/json")
        self.answer(200, data, [("Content-Type", media_type),
                                ("Docker-Content-Digest", self.options.wrong_header or digest)])

    def get_blobs(self, digest):
        data = self.state.blob(digest)
        if data is None:
            self.error(404, "BLOB_UNKNOWN")
        elif self.options.redirect or self.options.redirect_to:
            to = self.options.redirect_to or f"http://127.0.0.1:{self.state.ports['cdn']}/blob/{digest}?signature=secret"
            self.answer(307, b"", [("Location", to)])
        else:
            self.send_blob(data)

    def get_tags(self, _):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        tags = sorted(self.state.tags())
        after = query.get("last", [""])[0]
        rest = [tag for tag in tags if tag > after]
        page = rest[:self.options.page]
        headers = []
        if len(rest) > len(page):
            headers = [("Link", f'</v2/r/tags/list?n={self.options.page}&last={page[-1]}>; rel="next"')]
        self.answer(200, json.dumps({"name": "r", "tags": page}).encode(), headers)

    # ---- uploads

    def where(self, number):
        size = len(self.state.uploads[number])
        headers = [("Location", f"/v2/r/uploads/{number}?state=x")]
        if size:
            headers.append(("Range", f"0-{size - 1}"))
        return headers

    def get_uploads(self, number):
        if number in self.state.uploads:
            self.answer(204, b"", self.where(number))
        else:
            self.error(404, "BLOB_UPLOAD_UNKNOWN")

    def do_POST(self):
        if not self.welcome():
            return
        self.read_body()
        with self.state.lock:
            number = str(len(self.state.uploads) + 1)
            self.state.uploads[number] = b""
        self.answer(202, b"", self.where(number))

    def take_upload(self, number):
        """The body, as far as it is let in; None when the connection was cut or refused."""
        size = int(self.headers.get("Content-Length", "0"))
        options = self.options
        if options.largest_body is not None and size > options.largest_body:
            self.read_body()
            self.error(413, "TOO_LARGE")
            return False
        if options.cut is not None and size > options.cut and self.state.first_times(f"cut {number}"):
            self.state.uploads[number] += self.rfile.read(options.cut)
            self.note("cut")
            self.close_connection = True
            return False
        self.state.uploads[number] += self.rfile.read(size)
        return True

    def do_PATCH(self):
        number = self.path.split("?")[0].rpartition("/")[2]
        if not self.welcome():
            return
        start = int(self.headers["Content-Range"].split("-")[0])
        if start != len(self.state.uploads[number]):
            self.read_body()
            self.error(416, "BLOB_UPLOAD_INVALID")
        elif self.take_upload(number):
            self.answer(202, b"", self.where(number))

    def do_PUT(self):
        if not self.welcome():
            return
        if self.path.startswith("/v2/r/manifests/"):
            self.put_manifest(self.path.rpartition("/")[2])
            return
        url = urllib.parse.urlsplit(self.path)
        number = url.path.rpartition("/")[2]
        if not self.take_upload(number):
            return
        digest = urllib.parse.parse_qs(url.query)["digest"][0]
        data = self.state.uploads[number]
        if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
            self.error(400, "DIGEST_INVALID")
            return
        self.keep(data)
        self.answer(201, b"", [("Location", f"/v2/r/blobs/{digest}")])

    def keep(self, data):
        folder = os.path.join(self.state.layout, "blobs/sha256")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, hashlib.sha256(data).hexdigest()), "wb") as file:
            file.write(data)

    def put_manifest(self, tag):
        data = self.read_body()
        self.keep(data)
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        path = os.path.join(self.state.layout, "index.json")
        index = self.state.index() if os.path.exists(path) else {"schemaVersion": 2, "manifests": []}
        index["manifests"].append({"mediaType": self.headers["Content-Type"], "digest": digest, "size": len(data),
                                   "annotations": {"org.opencontainers.image.ref.name": tag}})
        with open(path, "w", encoding="utf-8") as file:
            json.dump(index, file)
        self.answer(201, b"", [("Docker-Content-Digest", digest)])


class Server(ThreadingHTTPServer):
    request_queue_size = 1024  # all pulls of a test come at once; with Python's 5 the kernel drops some for seconds


def serve(state, handler):
    server = Server(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.state = state
    state.ports[handler.server_name] = server.server_address[1]
    return server


def main():
    state = State(arguments())
    registry, cdn = serve(state, Registry), serve(state, Cdn)
    threading.Thread(target=cdn.serve_forever, daemon=True).start()
    ports = os.path.join(state.options.folder, "ports")
    with open(ports + ".new", "w", encoding="utf-8") as file:
        file.write(f"{state.ports['registry']} {state.ports['cdn']}\n")
    os.rename(ports + ".new", ports)
    registry.serve_forever()


if __name__ == "__main__":
    main()
