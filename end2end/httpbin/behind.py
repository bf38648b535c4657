"""What makes a client that knows nothing of a gateway use one. A plugin of pytest, and a module.

Below everything that a client does with addresses, redirects, cookies and credentials, where a request is written to its
connection, the path gets the prefix of the API and the request gets the key. So the client believes that it speaks to
httpbin at the root of a host, and what differs from a straight call is what the gateway did.

HTTPBIN_URL     where httpbin is: `http://host:port`
HTTPBIN_PREFIX  the API's path at the gateway, such as `/httpbin`; absent for straight calls
HTTPBIN_KEY     the key that opens it
"""

import http.client
import os
from urllib.parse import urlsplit

import pytest

URL = os.environ["HTTPBIN_URL"]
PREFIX = os.environ.get("HTTPBIN_PREFIX", "")
KEY = os.environ.get("HTTPBIN_KEY", "")


def _go_behind():
    host, port = urlsplit(URL).hostname, urlsplit(URL).port
    put_request = http.client.HTTPConnection.putrequest

    def putrequest(self, method, url, *args, **kwargs):
        if (self.host, self.port) != (host, port):
            return put_request(self, method, url, *args, **kwargs)
        put_request(self, method, PREFIX + url, *args, **kwargs)
        self.putheader("X-Api-Key", KEY)

    http.client.HTTPConnection.putrequest = putrequest


if PREFIX:
    _go_behind()


class _Server:
    url = URL


@pytest.fixture
def httpbin():
    return _Server


def pytest_collection_modifyitems(config, items):
    """Only what speaks to httpbin, and only without TLS: that is another server."""
    ours, others = [], []
    for item in items:
        used = set(item.fixturenames)
        speaks = "httpbin" in used and not used & {"httpbin_secure", "httpbin_both"}
        (ours if speaks else others).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = ours


def pytest_runtest_logreport(report):
    """One line for each test, for the comparison."""
    if report.when == "call" or report.failed:
        how = "failed" if report.failed else "xfailed" if hasattr(report, "wasxfail") else report.outcome
        print(f"\nRESULT {report.nodeid} {how}")
