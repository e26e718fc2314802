"""test_manifests.py: the manifests have the fields Kubernetes demands, agree with each other and with the image, and give the
server no right it does not need. Needs python3-yaml."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml

HERE = pathlib.Path(__file__).parent
DOCKERFILE = (HERE.parent / "Dockerfile").read_text()
VERSION = re.search(r"project\(roost VERSION ([0-9.]+)", (HERE.parents[1] / "CMakeLists.txt").read_text())[1]

# A schema: a type, a list of one element (each is such), a set (one of these), or a dict, whose keys ending in ? may be absent.
NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
PORT = range(1, 65536)
LABELS = "labels"
METADATA = {"name": NAME, "labels?": LABELS}
PROBE = {"exec": {"command": [str]}, "periodSeconds": PORT, "timeoutSeconds": PORT, "failureThreshold": PORT}
CONTAINER = {
    "name": NAME, "image": str, "imagePullPolicy": {"IfNotPresent", "Always"}, "args": [str],
    "env": [{"name": str, "value": str}],
    "ports": [{"name": NAME, "containerPort": PORT, "protocol": {"TCP"}}],
    "securityContext": {"allowPrivilegeEscalation": {False}, "readOnlyRootFilesystem": {True}, "capabilities": {"drop": [{"ALL"}]}},
    "resources": {"requests": {"cpu": str, "memory": str}, "limits": {"memory": str, "cpu?": str}},
    "startupProbe": PROBE, "readinessProbe": PROBE, "livenessProbe": PROBE,
    "volumeMounts": [{"name": NAME, "mountPath": str, "readOnly?": {True}}],
}
POD = {
    "automountServiceAccountToken": {False}, "enableServiceLinks": {False}, "imagePullSecrets": [{"name": NAME}],
    "securityContext": {"runAsNonRoot": {True}, "runAsUser": range(1000, 65534), "runAsGroup": range(1000, 65534),
                        "fsGroup": range(1000, 65534), "seccompProfile": {"type": {"RuntimeDefault"}}},
    "containers": [CONTAINER],
    "volumes": [{"name": NAME, "secret?": {"secretName": NAME, "defaultMode": {0o440}},
                 "emptyDir?": {"medium": {"Memory"}, "sizeLimit": str}}],
}
SCHEMAS = {
    "Deployment": {
        "apiVersion": {"apps/v1"}, "kind": str, "metadata": METADATA,
        "spec": {"replicas": {1}, "strategy": {"type": {"Recreate"}}, "selector": {"matchLabels": LABELS},
                 "template": {"metadata": {"labels": LABELS}, "spec": POD}},
    },
    "Service": {
        "apiVersion": {"v1"}, "kind": str, "metadata": METADATA,
        "spec": {"type": {"ClusterIP"}, "selector": LABELS,
                 "ports": [{"name": NAME, "port": PORT, "targetPort": NAME, "protocol": {"TCP"}}]},
    },
    "NetworkPolicy": {
        "apiVersion": {"networking.k8s.io/v1"}, "kind": str, "metadata": METADATA,
        "spec": {"podSelector": {"matchLabels": LABELS}, "policyTypes": [{"Ingress", "Egress"}],
                 "ingress": [{"from": [{"podSelector": {"matchLabels": LABELS}}], "ports": [{"port": PORT, "protocol": {"TCP"}}]}],
                 "egress": list},
    },
    "Kustomization": {"apiVersion": {"kustomize.config.k8s.io/v1beta1"}, "kind": str, "resources": [str]},
}


def faults(value, schema, path):
    """Where value is not as schema says: a list of words."""
    if schema is LABELS:
        fits = isinstance(value, dict) and value and all(isinstance(x, str) for pair in value.items() for x in pair)
    elif isinstance(schema, type):
        fits = type(value) is schema
    elif isinstance(schema, re.Pattern):
        fits = isinstance(value, str) and schema.fullmatch(value)
    elif isinstance(schema, range):
        fits = type(value) is int and value in schema
    elif isinstance(schema, set):
        fits = any(type(value) is type(one) and value == one for one in schema)
    elif isinstance(schema, list):
        if not isinstance(value, list) or not value:
            return [f"{path}: not a list of anything"]
        return [fault for i, item in enumerate(value) for fault in faults(item, schema[0], f"{path}[{i}]")]
    else:
        return faults_of_map(value, schema, path)
    return [] if fits else [f"{path}: {value!r}"]


def faults_of_map(value, schema, path):
    if not isinstance(value, dict):
        return [f"{path}: not a map"]
    known = {key.rstrip("?"): one for key, one in schema.items()}
    found = [f"{path}.{key}: is missing" for key in schema if not key.endswith("?") and key not in value]
    found += [f"{path}.{key}: is unknown" for key in value if key not in known]
    for key in value.keys() & known.keys():
        found += faults(value[key], known[key], f"{path}.{key}")
    return found


def read(name):
    with open(HERE / name) as file:
        return yaml.safe_load(file)


def moved(text, places):
    for place, other in places.items():
        text = text.replace(place, other)
    return text


def make_secret(folder, mode, group):
    """The files that docker/README.md says, as a kubelet mounts them: root's, and the group's to read."""
    roost = os.environ["ROOST"]
    os.mkdir(f"{folder}/secret", 0o755)
    for words in (["keygen", "certs"], ["cert", "certs", "--server", "roost,localhost,127.0.0.1"], ["key", "keys", "alice", "alice.key"]):
        subprocess.run([roost, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    for name, source in (("server.pem", "certs/roost.pem"), ("server.key", "certs/roost.key"), ("keys", "keys")):
        shutil.copy(f"{folder}/{source}", f"{folder}/secret/{name}")
        os.chown(f"{folder}/secret/{name}", 0, group)
        os.chmod(f"{folder}/secret/{name}", mode)


class Manifests(unittest.TestCase):
    def setUp(self):
        self.documents = {path.name: read(path.name) for path in HERE.glob("*.yaml")}
        self.by_kind = {document["kind"]: document for document in self.documents.values()}
        self.pod = self.by_kind["Deployment"]["spec"]["template"]
        self.container = self.pod["spec"]["containers"][0]

    def test_each_has_the_fields_of_its_kind_and_no_other(self):
        self.assertEqual(set(self.by_kind), set(SCHEMAS))
        for name, document in self.documents.items():
            self.assertEqual(faults(document, SCHEMAS[document["kind"]], name), [])

    def test_what_is_wrong_is_found(self):
        spoil = read("roost.yaml")
        container = spoil["spec"]["template"]["spec"]["containers"][0]
        container["securityContext"]["readOnlyRootFilesystem"] = False
        container["ports"][0]["containerPort"] = "7117"
        container["pots"] = container.pop("resources")
        found = "\n".join(faults(spoil, SCHEMAS["Deployment"], ""))
        for fault in ("readOnlyRootFilesystem: False", "containerPort: '7117'", "resources: is missing", "pots: is unknown"):
            self.assertIn(fault, found)

    def test_all_are_applied(self):
        self.assertEqual(set(self.by_kind["Kustomization"]["resources"]) | {"kustomization.yaml"}, set(self.documents))

    def test_the_image_is_of_this_version(self):
        self.assertTrue(self.container["image"].endswith(f"/roost:{VERSION}"), self.container["image"])

    def test_the_port_is_the_images(self):
        port = int(re.search(r"^EXPOSE (\d+)$", DOCKERFILE, re.M)[1])
        named = self.container["ports"][0]
        service = self.by_kind["Service"]["spec"]["ports"][0]
        policy = self.by_kind["NetworkPolicy"]["spec"]["ingress"][0]["ports"][0]
        self.assertEqual({named["containerPort"], service["port"], policy["port"]}, {port})
        self.assertEqual(service["targetPort"], named["name"])
        self.assertIn(f"--listen=tls+tcp://0.0.0.0:{port}", self.container["args"])

    def test_the_user_is_the_images_and_not_root(self):
        user, group = map(int, re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.M)[-1])
        context = self.pod["spec"]["securityContext"]
        self.assertEqual((context["runAsUser"], context["runAsGroup"], context["fsGroup"]), (user, group, group))
        self.assertNotEqual(user, 0)

    @unittest.skipUnless(os.geteuid() == 0 and "ROOSTD" in os.environ, "needs root, to be another user, and $ROOSTD")
    def test_the_server_starts_with_these_arguments_and_a_secret_as_it_is_mounted(self):
        context = self.pod["spec"]["securityContext"]
        mode = next(volume["secret"]["defaultMode"] for volume in self.pod["spec"]["volumes"] if "secret" in volume)
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            make_secret(folder, mode, context["fsGroup"])
            os.mkdir(f"{folder}/run", 0o700)
            os.chown(f"{folder}/run", context["runAsUser"], context["runAsGroup"])
            places = {"/run/secrets/roost": f"{folder}/secret", "/run/roost": f"{folder}/run", "0.0.0.0:7117": "127.0.0.1:0"}
            args = [moved(arg, places) for arg in self.container["args"]]
            read, write = os.pipe()
            server = subprocess.Popen([os.environ["ROOSTD"], *args[1:], f"--ready-fd={write}"], pass_fds=[write],
                                      user=context["runAsUser"], group=context["runAsGroup"], extra_groups=[context["fsGroup"]])
            self.addCleanup(server.kill)
            os.close(write)
            with os.fdopen(read) as ready:
                url = ready.readline().strip()
            self.assertTrue(url.startswith("tls+tcp://"), url)
            own = {"user": context["runAsUser"], "group": context["runAsGroup"], "timeout": 20, "stdout": subprocess.DEVNULL}
            probe = moved(self.container["env"][0]["value"], places)
            subprocess.run([os.environ["ROOST"], "-c", probe, "ping"], check=True, **own)
            subprocess.run([os.environ["ROOST"], "-c", url, "--tls-ca", f"{folder}/certs/ca.pem", "--identity", "alice",
                            "--key-file", f"{folder}/alice.key", "ping"], check=True, timeout=20, stdout=subprocess.DEVNULL)
            server.terminate()
            self.assertEqual(server.wait(timeout=20), 0)

    def test_service_and_policy_mean_the_servers_pods(self):
        labels = self.pod["metadata"]["labels"].items()
        for selector in (self.by_kind["Deployment"]["spec"]["selector"]["matchLabels"], self.by_kind["Service"]["spec"]["selector"],
                         self.by_kind["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]):
            self.assertLessEqual(selector.items(), labels)
        self.assertEqual(set(self.by_kind["NetworkPolicy"]["spec"]["policyTypes"]), {"Ingress", "Egress"})

    def test_what_is_mounted_is_a_volume_of_the_pod(self):
        volumes = {volume["name"] for volume in self.pod["spec"]["volumes"]}
        self.assertEqual({mount["name"] for mount in self.container["volumeMounts"]}, volumes)


if __name__ == "__main__":
    unittest.main()
