"""k8s/: what kustomize makes of it is valid, and in terms of what there is."""

import re
import subprocess
from base64 import b64decode
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from fastapi.routing import iter_route_contexts

from tests.deploy import kustomize, settings_given
from tests.deploy.commands import assert_runs
from tests.deploy.connections import OF_OTHERS, RESERVED, of_process
from tests.deploy.kustomize import OVERLAYS, PRODUCTION, Pod, Resource, named, of_kind, resources
from tests.documents.examples import read
from tests.servers.tools import checkov
from tradeapi import __version__
from tradeapi.app import create_app
from tradeapi.jobs import runner
from tradeapi.metrics import STREAM_CLIENTS
from tradeapi.settings import Role, Settings

# Those of the cluster's own extensions have no schema among Kubernetes' own.
EXTENSIONS = {"HTTPRoute", "PodMonitor", "PrometheusRule"}
# What only an operator knows.
SECRETS = {"SECRET_KEY": "a secret of thirty-two bytes or more"}
IDENTITY = "tradeapi-backup-identity"
OF_BACKUPS = {
    "tradeapi-backup": {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
    IDENTITY: {"BACKUP_IDENTITY"},
}
MARGIN_SECONDS = 5
OF_TOOLS = {"kustomization.yaml", "checkov.yaml"}
COMPONENTS = ("api", "worker", "feed")


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def pods(overlay: str) -> list[Pod]:
    """Ours."""
    return [*kustomize.pods(resources(overlay))]


def test_every_file_is_in_use() -> None:
    """By a kustomization, which names it; and no overlay is left out here."""
    for path in kustomize.FOLDER.rglob("*"):
        if path.suffix in {".yaml", ".env"} and path.name not in OF_TOOLS:
            assert path.name in (path.parent / "kustomization.yaml").read_text(), path
    assert {path.name for path in (kustomize.FOLDER / "overlays").iterdir()} == {*OVERLAYS}


def test_every_resource_is_valid(overlay: str) -> None:
    """By Kubernetes' own schemas, with no field that they do not know."""
    for resource in resources(overlay):
        if resource["kind"] not in EXTENSIONS:
            kubernetes_validate.validate(resource, "1.37", strict=True)


def test_checkov_finds_nothing(tmp_path: Path) -> None:
    """But what k8s/checkov.yaml says why of."""
    for overlay in {*OVERLAYS} - {"prod"}:  # which the others have whole
        (tmp_path / f"{overlay}.yaml").write_text(kustomize.rendered(overlay))
    configuration = kustomize.FOLDER / "checkov.yaml"
    checked = subprocess.run(
        [*checkov(), "--config-file", configuration, "--directory", tmp_path],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "Failed checks: 0" in checked.stdout


def test_pods_are_restricted(pods: list[Pod]) -> None:
    """As the namespace enforces: the API server would refuse others."""
    assert len(pods) == len(COMPONENTS) + 4
    for pod in pods:
        assert pod.spec["securityContext"]["runAsNonRoot"] is True
        assert pod.spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod.spec["automountServiceAccountToken"] is False
        assert pod.spec["enableServiceLinks"] is False
        assert pod.container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        bounds = pod.container["resources"]
        assert bounds["requests"]["memory"] == bounds["limits"]["memory"]


def test_what_is_started_exists(overlay: str, pods: list[Pod]) -> None:
    """The command with its options; and every role is played by one Deployment."""
    for pod in pods:
        assert_runs(["tradeapi", *pod.container["args"]])
    played = [
        role
        for pod in pods
        if "--roles" in pod.container["args"]
        for role in pod.container["args"][-1].split(",")
    ]
    assert sorted(played) == sorted(Role)
    api = named(resources(overlay), "Deployment", "tradeapi-api")
    (variable,) = api["spec"]["template"]["spec"]["containers"][0]["env"]
    assert variable == {"name": "ROLES", "value": ""}


def test_every_variable_is_a_setting(overlay: str) -> None:
    """In the ConfigMap, in Secrets that are made here, and in those that are described."""
    for pod in kustomize.pods(resources(overlay)):
        assert _variables(overlay, pod).keys() <= settings_given.names()


def test_production_accepts_the_settings(overlay: str) -> None:
    """With the Secret that is described beside it, for every process."""
    for pod in kustomize.pods(resources(overlay)):
        variables = _variables(overlay, pod)
        settings = settings_given.loaded(variables)
        assert settings.environment == ("production" if overlay in PRODUCTION else "staging")
        assert settings.database_url.startswith("postgresql://")
        assert settings.redis_url is not None
        assert settings.host == "0.0.0.0"  # noqa: S104
        assert overlay not in PRODUCTION or settings.mail_url is not None


def test_no_secret_is_in_the_files() -> None:
    """Of production there is not one; what development has says so."""
    for overlay in PRODUCTION:
        assert of_kind(resources(overlay), "Secret") == []
    example = _environment(kustomize.FOLDER / "overlays/prod/secret.env.example")
    assert example["SECRET_KEY"] == ""
    assert all("PASSWORD@" in value for name, value in example.items() if name.endswith("_URL"))


def test_the_drill_alone_can_read_backups(overlay: str) -> None:
    """No other pod has the key that decrypts them."""
    with_identity = [
        pod.name for pod in kustomize.pods(resources(overlay)) if IDENTITY in str(pod.spec)
    ]
    assert with_identity == ["tradeapi-backup-drill"]


def test_backups_go_where_they_stay(overlay: str, pods: list[Pod]) -> None:
    """Into a bucket, or onto a volume that outlives the pods."""
    location = _config(overlay)["BACKUP_LOCATION"]
    for pod in pods:
        if pod.labels["app.kubernetes.io/component"] == "backup":
            claimed = {
                volume["name"]
                for volume in pod.spec["volumes"]
                if "persistentVolumeClaim" in volume
            }
            mounted = {
                mount["mountPath"]
                for mount in pod.container["volumeMounts"]
                if mount["name"] in claimed
            }
            assert location.startswith("s3://") or location in mounted


def test_probes_ask_what_is_answered(pods: list[Pod]) -> None:
    """On ports that are settings; and only to be ready is the database asked."""
    app = create_app(Settings(database_url="sqlite:///nowhere.db", demo=False))
    routes = {context.path for context in iter_route_contexts(app.routes)}
    for pod in pods:
        if pod.labels["app.kubernetes.io/component"] not in COMPONENTS:
            continue
        probes = {
            name: pod.container[f"{name}Probe"]["httpGet"]
            for name in ("startup", "liveness", "readiness")
        }
        assert {name: probe["path"] for name, probe in probes.items()} == {
            "startup": "/health",
            "liveness": "/health",
            "readiness": "/health/ready",
        }
        assert {probe["path"] for probe in probes.values()} <= routes
        ports = {port["name"] for port in pod.container["ports"]}
        assert {probe["port"] for probe in probes.values()} <= ports


def test_ports_are_those_of_the_settings(overlay: str, pods: list[Pod]) -> None:
    """By their names everywhere."""
    variables = _config(overlay)
    real = {"http": int(variables["PORT"]), "metrics": int(variables["METRICS_PORT"])}
    for pod in pods:
        for port in pod.container.get("ports", ()):
            assert real[port["name"]] == port["containerPort"]
    service = named(resources(overlay), "Service", "tradeapi")
    assert [port["targetPort"] for port in service["spec"]["ports"]] == ["http"]


def test_who_stops_has_the_time_to(overlay: str, pods: list[Pod]) -> None:
    """The API waits until nobody sends it callers, drains, and closes what is left."""
    for pod in pods:
        grace = pod.spec.get("terminationGracePeriodSeconds", 30)
        settings = settings_given.loaded(_variables(overlay, pod))
        match pod.labels["app.kubernetes.io/component"]:
            case "api":
                pause = pod.container["lifecycle"]["preStop"]["sleep"]["seconds"]
                readiness = pod.container["readinessProbe"]
                assert pause >= readiness["periodSeconds"]
                assert grace >= pause + settings.drain_seconds + MARGIN_SECONDS
            case "worker" | "feed":
                assert grace >= runner.GRACE_SECONDS + MARGIN_SECONDS


def test_selectors_find_their_pods(overlay: str) -> None:
    """Of Deployments, services, budgets, spreads and policies, each at least one."""
    found = resources(overlay)
    labels = [
        template["metadata"]["labels"]
        for one in found
        if (template := kustomize.template_of(one)) is not None
    ]
    selectors = [*_selectors(found)]
    assert len(selectors) > len(of_kind(found, "NetworkPolicy"))
    for selector in selectors:
        assert any(_fits(selector, one) for one in labels), selector


def test_images_are_pinned_alike(overlay: str, pods: list[Pod]) -> None:
    """To the version that this is."""
    (image,) = {pod.container["image"] for pod in pods}
    assert image.rpartition(":")[2] == __version__
    assert {pod.container["imagePullPolicy"] for pod in pods} == {"IfNotPresent"}
    for one in _images(resources(overlay)) - {image}:
        assert re.search(r":\d", one)


def test_what_scales_leaves_room(overlay: str) -> None:
    """By a metric that exists, to half of the sockets that a pod takes."""
    scaler = named(resources(overlay), "HorizontalPodAutoscaler", "tradeapi-api")["spec"]
    (pods,) = (metric["pods"] for metric in scaler["metrics"] if metric["type"] == "Pods")
    (family,) = STREAM_CLIENTS.describe()
    assert pods["metric"]["name"] == family.name
    most = int(_config(overlay)["WEBSOCKET_CONNECTIONS"])
    assert int(pods["target"]["averageValue"]) * 2 == most
    deployment = named(resources(overlay), "Deployment", scaler["scaleTargetRef"]["name"])
    assert "replicas" not in deployment["spec"]


def test_postgres_has_connections_for_all(overlay: str, pods: list[Pod]) -> None:
    """While all are being replaced, at the most that they are scaled to."""
    found = resources(overlay)
    (scaler,) = of_kind(found, "HorizontalPodAutoscaler")
    rows, together = [], OF_OTHERS + RESERVED
    for pod in pods:
        if pod.owner["kind"] == "Deployment":
            spec = pod.owner["spec"]
            replicas = spec.get("replicas", scaler["spec"]["maxReplicas"])
            processes = replicas + spec["strategy"]["rollingUpdate"]["maxSurge"]
            settings = settings_given.loaded(_variables(overlay, pod))
            connections = processes * of_process(settings, pod.container["args"])
            rows.append(f"| {processes} | {connections} |")
            together += connections
    if overlay in PRODUCTION:
        document = read("docs/deployment.md")
        assert all(row in document for row in rows), rows
        assert f"| {OF_OTHERS + RESERVED} |" in document
        assert f"| **{together}** |" in document
        (most,) = re.findall(r"let `max_connections` be (\d+)", document)
    else:
        template = kustomize.template_of(named(found, "StatefulSet", "postgres"))
        most = template["spec"]["containers"][0]["args"][-1].removeprefix("max_connections=")
    assert together <= int(most)


@pytest.mark.parametrize("overlay", PRODUCTION)
def test_production_outlives_a_node(overlay: str) -> None:
    """Of everything there are two, apart, of which one may go at a time."""
    found = resources(overlay)
    (scaler,) = of_kind(found, "HorizontalPodAutoscaler")
    for deployment in of_kind(found, "Deployment"):
        name, spec = deployment["metadata"]["name"], deployment["spec"]
        assert spec.get("replicas", scaler["spec"]["minReplicas"]) >= 2
        assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        assert spec["template"]["spec"]["topologySpreadConstraints"]
        assert named(found, "PodDisruptionBudget", name)["spec"]["maxUnavailable"] == 1


def test_nothing_is_open_that_is_not_named(overlay: str) -> None:
    """Callers reach the API's port only, and nobody is let in from everywhere."""
    policies = {
        one["metadata"]["name"]: one["spec"] for one in of_kind(resources(overlay), "NetworkPolicy")
    }
    assert policies["tradeapi-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for policy in policies.values():
        for rule in policy.get("ingress", ()):
            assert rule["from"]
            assert rule["ports"]
        for rule in policy.get("egress", ()):
            assert rule["ports"]
    (internet,) = policies["tradeapi-internet"]["egress"]
    assert {"10.0.0.0/8", "169.254.0.0/16"} <= {*internet["to"][0]["ipBlock"]["except"]}


def test_prometheus_scrapes_what_answers() -> None:
    """Each process at the port for it, as a job that the rules know."""
    found = resources("prod")
    (monitor,) = of_kind(found, "PodMonitor")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["path"] == Settings.model_fields["metrics_path"].default
    scraped = [
        pod for pod in kustomize.pods(found) if _fits(monitor["spec"]["selector"], pod.labels)
    ]
    jobs = [pod.labels[monitor["spec"]["jobLabel"]] for pod in scraped]
    prometheus = yaml.safe_load((kustomize.ROOT / "prometheus.yml").read_text())
    assert sorted(jobs) == sorted(one["job_name"] for one in prometheus["scrape_configs"])
    for pod in scraped:
        assert endpoint["port"] in {port["name"] for port in pod.container["ports"]}


def test_the_operator_has_the_rules_of_prometheus() -> None:
    """As tools/prometheus-rules writes them."""
    made = subprocess.run(
        [kustomize.ROOT / "tools" / "prometheus-rules"], check=True, capture_output=True, text=True
    ).stdout
    assert made == (kustomize.FOLDER / "components/monitoring/rules.yaml").read_text()
    groups = {
        one["metadata"]["name"]: one["spec"] for one in of_kind(resources("prod"), "PrometheusRule")
    }
    files = (kustomize.ROOT / "monitoring" / "rules").glob("*.yml")
    assert groups == {f"tradeapi-{file.stem}": yaml.safe_load(file.read_text()) for file in files}


def test_the_route_lets_connections_last() -> None:
    """The Gateway's default would end sockets and streams of events."""
    (route,) = of_kind(resources("prod-gateway"), "HTTPRoute")
    for rule in route["spec"]["rules"]:
        assert rule["timeouts"] == {"request": "0s", "backendRequest": "0s"}
        (backend,) = rule["backendRefs"]
        service = named(resources("prod-gateway"), "Service", backend["name"])
        assert backend["port"] in {port["port"] for port in service["spec"]["ports"]}
    assert route["spec"]["hostnames"] == _config("prod")["ALLOWED_HOSTS"].split(",")


def test_the_ingress_lets_connections_last() -> None:
    """Whichever controller reads it, and bodies be as large as the service takes them."""
    (ingress,) = of_kind(resources("prod-ingress"), "Ingress")
    (rule,) = ingress["spec"]["rules"]
    assert [rule["host"]] == _config("prod")["ALLOWED_HOSTS"].split(",")
    assert "ingressClassName" not in ingress["spec"]
    notes = ingress["metadata"]["annotations"]
    ping = Settings.model_fields["websocket_ping_interval_seconds"].default
    body = Settings.model_fields["max_body_bytes"].default
    for name, value in notes.items():
        if "timeout" in name:
            assert int(value.removesuffix("s")) > 2 * ping
        if name.endswith("body-size"):
            assert int(value.removesuffix("m")) << 20 == body
    (written,) = of_kind(kustomize.raw(), "Ingress")
    assert "annotations" not in written["metadata"]


def _variables(overlay: str, pod: Pod) -> dict[str, str]:
    """What a pod's container finds in its environment."""
    found: dict[str, str] = {}
    for source in pod.container["envFrom"]:
        if "configMapRef" in source:
            found |= _config(overlay)
        else:
            found |= _secret(overlay, source["secretRef"]["name"])
    for variable in pod.container.get("env", ()):
        found[variable["name"]] = variable.get("value", "")
    return found


def _config(overlay: str) -> dict[str, str]:
    (config,) = of_kind(resources(overlay), "ConfigMap")
    found: dict[str, str] = config["data"]
    return found


def _secret(overlay: str, name: str) -> dict[str, str]:
    """One that is made here, else the example that says what must be in it."""
    for secret in of_kind(resources(overlay), "Secret"):
        if secret["metadata"]["name"] == name:
            return {key: b64decode(value).decode() for key, value in secret["data"].items()}
    if name in OF_BACKUPS:
        return dict.fromkeys(OF_BACKUPS[name], "key")
    return _environment(kustomize.FOLDER / "overlays/prod/secret.env.example") | SECRETS


def _environment(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def _images(resources: Any) -> set[str]:
    return {
        container["image"]
        for resource in resources
        if (template := kustomize.template_of(resource)) is not None
        for container in template["spec"]["containers"]
    }


def _selectors(found: Any) -> Any:
    for resource in found:
        spec = resource.get("spec", {})
        if resource["kind"] == "Service":
            yield {"matchLabels": spec["selector"]}
        elif "selector" in spec:
            yield spec["selector"]
        elif spec.get("podSelector"):
            yield spec["podSelector"]
        for constraint in (kustomize.template_of(resource) or {"spec": {}})["spec"].get(
            "topologySpreadConstraints", ()
        ):
            yield constraint["labelSelector"]


def _fits(selector: Resource, labels: dict[str, str]) -> bool:
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", ())
    )
