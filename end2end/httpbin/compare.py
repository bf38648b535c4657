"""Every endpoint of httpbin, asked twice: straight, and behind the gateway. Prints each difference; exits with 1 if there
is one. No client library stands in between that would repair anything: requests are written, answers read, as bytes.

Usage: compare.py STRAIGHT BEHIND KEY, such as: compare.py http://127.0.0.1:81 http://127.0.0.1:8080/httpbin cs_live_…
"""

import gzip
import json
import re
import socket
import sys
import zlib
from http.client import HTTPConnection
from urllib.parse import urlsplit

# What belongs to one connection, or is made anew for each answer.
EACH_TIME = {"connection", "keep-alive", "transfer-encoding", "date"}
# What the gateway adds to an answer.
OURS = {"request-id", "ratelimit", "ratelimit-policy"}
# What it adds to a request, which httpbin shows; and what is not the same for two clients of one server.
# `Expect` is answered by the gateway: it takes the body as soon as it takes the request.
OURS_AT_UPSTREAM = re.compile(r"^(X-Countersign-.*|Via|Request-Id|X-Api-Key|Connection|Expect)$", re.I)

MULTIPART = (
    b"--cut\r\nContent-Disposition: form-data; name=\"word\"\r\n\r\nna\xc3\xafve\r\n"
    b"--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n"
    b"Content-Type: application/octet-stream\r\n\r\n\x00\x01\xff\r\n--cut--\r\n"
)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
BASIC = {"Authorization": "Basic dXNlcjpwYXNzd2Q="}


def chunks(count):
    return lambda: iter([b"chunk %d " % number * 40 for number in range(count)])


def list_of_requests():
    """(method, path, headers, body); a body that is called gives chunks."""
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]:
        yield method, "/anything", {}, b"" if method in {"POST", "PUT", "PATCH"} else None
    for method in ["POST", "PUT", "PATCH", "DELETE"]:
        yield method, f"/{method.lower()}", JSON, b'{"a": [1, 2, {"b": null}], "c": "\xc3\xa9"}'
    # The wrong method.
    yield "POST", "/get", {}, b"x"
    yield "GET", "/post", {}, None
    for code in [200, 201, 202, 204, 205, 206, 300, 304, 307, 400, 401, 402, 403, 404, 405, 406, 409, 410, 412, 415, 418, 422]:
        yield "GET", f"/status/{code}", {}, None
    for code in [429, 451, 500, 501, 502, 503, 504]:
        yield "GET", f"/status/{code}", {}, None
    yield "HEAD", "/status/204", {}, None
    yield "POST", "/status/201", FORM, b"a=b"
    # Redirects are answers like any other: nobody follows them, nobody rewrites where they lead.
    for path in ["/redirect/1", "/redirect/3", "/relative-redirect/2", "/absolute-redirect/2"]:
        yield "GET", path, {}, None
    for code in [301, 302, 303, 307, 308]:
        yield "GET", f"/redirect-to?url=/get%3Fa%3Db&status_code={code}", {}, None
    yield "POST", "/redirect-to", FORM, b"url=http%3A%2F%2Fexample.com%2F&status_code=307"
    # What was compressed by the upstream reaches the client as it was.
    for coding in ["gzip", "deflate", "brotli"]:
        yield "GET", f"/{coding}", {"Accept-Encoding": "gzip, deflate, br"}, None
    yield "GET", "/gzip", {}, None
    # Streams.
    yield "GET", "/stream/20", {}, None
    yield "GET", "/stream-bytes/5000?seed=7&chunk_size=700", {}, None
    yield "GET", "/drip?duration=0.5&numbytes=5&delay=0", {}, None
    yield "GET", "/bytes/0?seed=1", {}, None
    yield "GET", "/bytes/102400?seed=9", {}, None
    yield "GET", "/delay/0.2", {}, None
    # Ranges, and conditions.
    yield "GET", "/range/1024", {}, None
    for wanted in ["bytes=0-9", "bytes=100-", "bytes=-5", "bytes=2000-3000", "bytes=5-2", "lines=1-2"]:
        yield "GET", "/range/1024", {"Range": wanted}, None
    yield "GET", "/etag/one", {}, None
    yield "GET", "/etag/one", {"If-None-Match": "one"}, None
    yield "GET", "/etag/one", {"If-None-Match": "other, \"one\""}, None
    yield "GET", "/etag/one", {"If-Match": "other"}, None
    yield "GET", "/etag/one", {"If-Match": "*"}, None
    yield "GET", "/cache", {"If-Modified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"}, None
    yield "GET", "/cache", {"If-None-Match": "x"}, None
    yield "GET", "/cache/60", {}, None
    # Cookies, of which there may be several headers.
    yield "GET", "/cookies", {"Cookie": "a=1; b=\"two\"; c=a=b"}, None
    yield "GET", "/cookies/set?a=1&b=2", {}, None
    yield "GET", "/cookies/set/name/value", {}, None
    yield "GET", "/cookies/delete?a", {"Cookie": "a=1"}, None
    # Credentials of the upstream, while the key stands in its own header.
    yield "GET", "/basic-auth/user/passwd", {}, None
    yield "GET", "/basic-auth/user/passwd", BASIC, None
    yield "GET", "/basic-auth/user/other", BASIC, None
    yield "GET", "/hidden-basic-auth/user/passwd", BASIC, None
    yield "GET", "/hidden-basic-auth/user/other", BASIC, None
    yield "GET", "/digest-auth/auth/user/passwd", {}, None
    yield "GET", "/digest-auth/auth-int/user/passwd/SHA-256/never", {}, None
    yield "GET", "/bearer", {}, None
    # Bodies.
    yield "POST", "/post", FORM, "a=1&a=2&ü=%E2%82%AC".encode()
    yield "POST", "/post", {"Content-Type": "multipart/form-data; boundary=cut"}, MULTIPART
    yield "POST", "/post", {"Content-Type": "text/plain; charset=utf-8"}, "snowman ☃".encode()
    yield "POST", "/post", {"Content-Type": "application/octet-stream"}, bytes(range(256)) * 4_000
    yield "POST", "/post", JSON, b'{"broken": '
    yield "POST", "/post", {"Content-Encoding": "gzip", **JSON}, gzip.compress(b"{}", mtime=0)
    yield "POST", "/post", {"Content-Encoding": "deflate"}, zlib.compress(b"text")
    for count in [0, 1, 50]:
        yield "POST", "/post", {"Content-Type": "text/plain"}, chunks(count)
    yield "PUT", "/put", {"Content-Type": "text/plain"}, chunks(3)
    yield "POST", "/post", {"Expect": "100-continue", "Content-Type": "text/plain"}, b"waited for"
    # Headers, and addresses with everything that may stand in them.
    yield "GET", "/headers", {"X-Own": "value, with=signs;\"quoted\"", "Accept-Language": "de, en;q=0.5"}, None
    yield "GET", "/headers", {"X-Empty": ""}, None
    yield "GET", "/headers", {"X-Latin": b"caf\xe9"}, None
    yield "GET", "/user-agent", {"User-Agent": "suite/1.0 (a; b)"}, None
    yield "GET", "/response-headers?X-One=1&X-One=2&Content-Type=text/plain&X-Space=a%20b", {}, None
    yield "POST", "/response-headers?Server-Timing=db%3Bdur%3D5", {}, b""
    yield "GET", "/get?a=1&a=2&empty=&plus=a+b&percent=%25&utf8=%C3%A9&nothing", {}, None
    yield "GET", "/get?", {}, None
    yield "GET", "/anything/S%C3%A3o%20Paulo/a;b=c/~x!$&'()*+,=:@", {}, None
    yield "GET", "/anything/trailing/", {}, None
    yield "GET", "/anything/" + "long" * 1_000, {}, None
    for path in ["/encoding/utf8", "/html", "/json", "/xml", "/robots.txt", "/deny", "/forms/post", "/", "/links/3/1", "/ip"]:
        yield "GET", path, {}, None
    for kind in ["png", "jpeg", "svg", "webp"]:
        yield "GET", f"/image/{kind}", {}, None
    yield "GET", "/image", {"Accept": "image/webp"}, None
    yield "GET", "/image", {"Accept": "text/plain"}, None
    yield "GET", "/base64/SFRUUEJJTg==", {}, None
    yield "GET", "/uuid", {}, None
    yield "GET", "/no/such/page", {}, None


class Door:
    """One of the two ways, over one connection that is kept."""

    def __init__(self, base, key=None):
        parts = urlsplit(base)
        self.prefix, self.key = parts.path, key
        self.connection = HTTPConnection(parts.hostname, parts.port, timeout=20)

    def ask(self, method, path, headers, body):
        connection = self.connection
        connection.putrequest(method, self.prefix + path, skip_accept_encoding=True)
        if self.key:
            connection.putheader("X-Api-Key", self.key)
        for name, value in headers.items():
            connection.putheader(name, value)
        if callable(body):
            connection.putheader("Transfer-Encoding", "chunked")
            connection.endheaders(body(), encode_chunked=True)
        elif body is None:
            connection.endheaders()
        else:
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.reason, answer.getheaders(), answer.read()


def told(headers):
    """The headers that must be the same, in their order among those of one name."""
    kept = {}
    for name, value in headers:
        name = name.lower()
        if name not in EACH_TIME | OURS:
            kept.setdefault(name, []).append(re.sub(r'(nonce|opaque)="[0-9a-f]+"', r'\1="…"', value))
    return kept


def shown(path, headers, body):
    """The body that must be the same."""
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    coding = next((value for name, value in headers if name.lower() == "content-encoding"), "")
    plain = {"gzip": gzip.decompress, "deflate": zlib.decompress}.get(coding)
    if coding == "br":
        import brotlicffi

        plain = brotlicffi.decompress
    if plain and body:
        body = plain(body)
    if path == "/uuid":
        return re.sub(rb"[0-9a-f]", b"x", body)
    if not kind.startswith("application/json"):
        return body
    try:
        said = json.loads(body)
    except ValueError:
        # Lines of JSON, as a stream has them.
        return [without_ours(json.loads(line)) for line in body.splitlines()]
    return without_ours(said)


def without_ours(said):
    if isinstance(said, dict) and isinstance(said.get("headers"), dict):
        said["headers"] = {name: value for name, value in said["headers"].items() if not OURS_AT_UPSTREAM.match(name)}
    return said


def length_may_differ(path, kept):
    """The length of an answer in which httpbin shows the headers that it got."""
    kept = dict(kept)
    kept.pop("content-length", None)
    return kept


def first_byte_comes_before_the_last(base, key):
    """An answer that drips must reach the client as it drips."""
    parts = urlsplit(base)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as wire:
        lines = [f"GET {parts.path}/drip?duration=1&numbytes=4&delay=0 HTTP/1.1", f"Host: {parts.netloc}", "Connection: close"]
        if key:
            lines.append(f"X-Api-Key: {key}")
        wire.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        pieces = []
        while piece := wire.recv(65_536):
            pieces.append(piece)
    return len(pieces) > 2


def main():
    straight_url, behind_url, key = sys.argv[1:]
    straight, behind = Door(straight_url), Door(behind_url, key)
    asked, different = 0, 0
    for method, path, headers, body in list_of_requests():
        asked += 1
        one, two = straight.ask(method, path, headers, body), behind.ask(method, path, headers, body)
        problems = []
        if one[:1] != two[:1]:
            problems.append(f"status {one[0]} {one[1]} became {two[0]} {two[1]}")
        echoes = shown(path, one[2], one[3]) != one[3]
        headers_one, headers_two = told(one[2]), told(two[2])
        if echoes:
            headers_one, headers_two = length_may_differ(path, headers_one), length_may_differ(path, headers_two)
        if headers_one != headers_two:
            names = [name for name in headers_one | headers_two if headers_one.get(name) != headers_two.get(name)]
            problems += [f"{name}: {headers_one.get(name)} became {headers_two.get(name)}" for name in names]
        if shown(path, *one[2:]) != shown(path, *two[2:]):
            problems.append(f"body {one[3][:300]} became {two[3][:300]}")
        if problems:
            different += 1
            print(f"{method} {path} {headers}:", *problems, sep="\n    ")
    for base, with_key in [(straight_url, None), (behind_url, key)]:
        asked += 1
        if not first_byte_comes_before_the_last(base, with_key):
            different += 1
            print(f"{base}: the answer came in one piece")
    print(f"{asked} answers compared, {different} different")
    sys.exit(1 if different or asked < 60 else 0)


main()
