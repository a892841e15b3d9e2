"""storm_keys.py - the certificates, the CA bundle and the bearer token of tests/fault/storm, and
how they change under a controller that runs."""
import os
import subprocess
import time
import urllib.error

SECRETS = "/api/v1/namespaces/kelos-system/secrets"
ACCOUNT = "/api/v1/namespaces/kelos-system/serviceaccounts/kelos-controller/token"


def replace(path, text):
    """In one step, as the kubelet does."""
    with open(path + ".new", "w", encoding="utf8") as f:
        f.write(text)
    os.chmod(path + ".new", 0o600)
    os.rename(path + ".new", path)


def read(path):
    with open(path, encoding="utf8") as f:
        return f.read()


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


class Keys:
    def __init__(self, kube, storm, api):
        self.kube, self.storm, self.api = kube, storm, api
        self.ca = (kube + "/tls/ca.crt", kube + "/tls/ca.key")
        self.made, self.secret, self.old = 0, None, []
        self.seen = []

    def path(self, name):
        return self.storm + "/" + name

    def new_ca(self):
        self.made += 1
        self.ca = (self.path("ca-%d.crt" % self.made), self.path("ca-%d.key" % self.made))
        openssl("req", "-x509", *EC, "-days", "2", "-subj", "/CN=storm-ca-%d" % self.made,
                "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", self.ca[1], "-out", self.ca[0])

    def certificate(self, key, crt):
        """One for 127.0.0.1 by the present CA."""
        ext = self.path("ext")
        replace(ext, "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc\n")
        openssl("req", "-new", *EC, "-subj", "/CN=kube-apiserver", "-keyout", key + ".new", "-out", self.path("csr"))
        openssl("x509", "-req", "-in", self.path("csr"), "-CA", self.ca[0], "-CAkey", self.ca[1], "-CAcreateserial",
                "-days", "2", "-extfile", ext, "-out", crt + ".new")
        os.rename(key + ".new", key)
        os.rename(crt + ".new", crt)

    def show(self):
        """The proxy's own certificate, anew."""
        self.certificate(self.path("proxy.key"), self.path("proxy.crt"))

    def bundle(self, *cas):
        replace(self.path("ca.crt"), "".join(read(c) for c in cas))

    def mint(self):
        """A token of the controller's account that dies with a Secret."""
        self.made += 1
        name = "storm-%d" % self.made
        secret = self.api.insist("POST", SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}) or \
            self.api.insist("GET", SECRETS + "/" + name)
        answer = self.api.insist("POST", ACCOUNT, {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {"expirationSeconds": 3600, "boundObjectRef": {
                "apiVersion": "v1", "kind": "Secret", "name": name, "uid": secret["metadata"]["uid"]}}})
        return name, answer["status"]["token"]

    def refused(self, token):
        try:
            self.api.call("GET", "/api/v1/namespaces/kelos-system/pods", token=token)
        except urllib.error.HTTPError as e:
            return e.code == 401
        except (OSError, ValueError):
            return False
        return False

    # ---- what happens to a controller that runs ----

    def reissued(self, reload):
        """The server shows another certificate of the same CA; the real server as well, from
        its next start on."""
        self.show()
        was, self.ca = self.ca, (self.kube + "/tls/ca.crt", self.kube + "/tls/ca.key")
        self.certificate(self.kube + "/tls/server.key", self.kube + "/tls/server.crt")
        self.ca = was
        reload()

    def new_authority(self, reload):
        """As it should be done: first both in the bundle, then the new one's certificate, then
        the old one goes."""
        old = self.ca[0]
        self.new_ca()
        self.bundle(old, self.ca[0])
        time.sleep(2)
        self.show()
        reload()
        time.sleep(3)
        self.bundle(self.ca[0])
        reload()

    def sudden_authority(self, reload):
        """As it happens: the server has it first, and the bundle follows."""
        self.new_ca()
        self.show()
        reload()
        time.sleep(3)
        self.bundle(self.ca[0])

    def new_token(self, _):
        """The file first, then the old one becomes invalid."""
        name, token = self.mint()
        replace(self.path("token"), token)
        self.drop_old()
        self.secret, self.old = name, self.old + [token]

    def late_token(self, _):
        """The old one is invalid while it is still in the file."""
        name, token = self.mint()
        self.drop_old()
        until = time.time() + 20
        while not self.refused(self.old[-1]) and time.time() < until:
            time.sleep(0.3)
        time.sleep(2)
        replace(self.path("token"), token)
        self.secret, self.old = name, self.old + [token]

    def drop_old(self):
        self.api.insist("DELETE", SECRETS + "/" + self.secret)

    def prepare(self):
        self.show()
        self.bundle(self.ca[0])
        self.secret, token = self.mint()
        self.old.append(token)
        replace(self.path("token"), token)
        replace(self.path("secret"), self.secret)

    def resume(self):
        """What prepare() left, in another process."""
        self.made, self.secret, self.old = 1, read(self.path("secret")), [read(self.path("token"))]
