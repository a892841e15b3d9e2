"""kubeapi.py - the real API server of tests/kube/up.sh as its administrator, who is patient with it."""
import json
import ssl
import time
import urllib.error
import urllib.request


def opener_of(ca):
    context = ssl.create_default_context(cafile=ca)
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))


class Api:
    """DIR of up.sh: server, etcd and the administrator's token."""

    def __init__(self, kube):
        with open(kube + "/ports", encoding="utf8") as f:
            words = f.read().split()
        self.server, self.etcd = "https://127.0.0.1:" + words[0], "http://127.0.0.1:" + words[1]
        with open(kube + "/admin.token", encoding="utf8") as f:
            self.token = f.read().strip()
        self.opener = opener_of(kube + "/tls/ca.crt")

    def call(self, method, path, body=None, token=None, kind="application/json"):
        request = urllib.request.Request(
            self.server + path, method=method, data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": "Bearer " + (token or self.token), "Content-Type": kind, "User-Agent": "storm"})
        return json.load(self.opener.open(request, timeout=20))

    def insist(self, method, path, body=None, kind="application/json", seconds=90):
        """The answer; None where what was asked is so already: 409 of a create, 404."""
        until = time.time() + seconds
        while True:
            try:
                return self.call(method, path, body, kind=kind)
            except urllib.error.HTTPError as e:
                text = e.read()[:300]
                if e.code == 404 or (e.code == 409 and method == "POST"):
                    return None
                waits = e.code >= 500 or e.code in (409, 429) or b"is terminating" in text
                if not waits or time.time() > until:
                    raise RuntimeError("%s %s: %s %s" % (method, path, e, text)) from e
            except (OSError, ValueError):
                if time.time() > until:
                    raise
            except Exception as e:  # http.client's own: the answer was cut
                if type(e).__module__ != "http.client" or time.time() > until:
                    raise
            time.sleep(0.2)
