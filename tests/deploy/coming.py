"""What the deployment names and other parts bring. Empty it when they are there."""

SETTINGS = {
    "METRICS_PORT",
    "BACKUP_LOCATION",
    "BACKUP_SCHEDULE",
    "BACKUP_DRILL_SCHEDULE",
    "BACKUP_RECIPIENTS",
    "BACKUP_IDENTITY",
}
COMMANDS = {"backup"}
FILES = {
    "prometheus.yml",
    "monitoring/rules",
    "monitoring/grafana/provisioning",
    "monitoring/grafana/dashboards",
}
