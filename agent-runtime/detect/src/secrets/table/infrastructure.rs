//! Monitoring, networks, vaults, and connection strings.

use crate::secrets::check::{always, crc32_hex, encoded_json, encoded_login, password_of_address, random, very_random};
use crate::secrets::row::{Row, inside, near, token};

/// A name, a password and the beginning of a host.
const LOGIN: &str = r#"[^\s:/@"'<>`]{0,128}:([^\s@/"'<>`]{1,256})@[\w\[]"#;
/// The value of a password in a connection string.
const PARAMETER: &str = r#"([^\s;"'&<>`]{3,128})"#;

pub(super) const ROWS: &[Row] = &[
    near("datadog-key", &["datadog", "dd_api_key", "dd-api-key"], r"\x{32}"),
    near("datadog-application-key", &["datadog", "dd_app", "dd-application-key"], r"\x{40}"),
    token("newrelic-user-key", &["NRAK-"], "[A-Z0-9]{27}"),
    token("newrelic-insert-key", &["NRII-"], r"[\w\-]{32}"),
    token("newrelic-query-key", &["NRIQ-"], r"[\w\-]{32}"),
    inside("newrelic-license-key", r"\x{36}", &["NRAL"], ""),
    token("grafana-token", &["glsa_"], r"\a{32}_\x{8}").check(crc32_hex),
    token("grafana-key", &["eyJrIjoi"], r"[\w+/=\-]{40,}").check(encoded_json),
    token("honeycomb-key", &["hcaik_", "hcxik_", "hcamk_", "hcbik_", "hcalk_"], r"[a-z0-9]{58}"),
    near("honeycomb-old-key", &["honeycomb"], r"\x{32}"),
    token("dynatrace-token", &["dt0c01.", "dt0s01.", "dt0s02.", "dt0s08.", "dt0s16.", "dt0e01."], "[A-Z0-9]{8,24}.[A-Z0-9]{64}"),
    token("sentry-org-token", &["sntrys_"], r"[\w+/=\-]{80,}").check(encoded_json),
    token("sentry-user-token", &["sntryu_"], r"\x{64}"),
    near("sentry-old-token", &["sentry_auth", "sentry-auth", "sentry_token"], r"\x{64}"),
    near("rollbar-token", &["rollbar"], r"\x{32}"),
    near("bugsnag-key", &["bugsnag"], r"\x{32}"),
    token("splunk-token", &["Splunk "], r"(\x{8}-\x{4}-\x{4}-\x{4}-\x{12})"),
    near("splunk-hec-token", &["splunk"], r"[\xA-F]{8}-[\xA-F]{4}-[\xA-F]{4}-[\xA-F]{4}-[\xA-F]{12}"),
    near("elastic-key", &["apikey ", "elastic_api", "elasticsearch_api"], r"[\a+/\-_]{56,60}={0,2}").check(very_random),
    near("sumologic-key", &["sumologic", "sumo_access"], r"\a{64}").check(very_random),
    near("logzio-token", &["logzio", "logz.io"], r"[A-Za-z]{32}").check(random),
    near("loggly-token", &["loggly"], r"\x{8}-\x{4}-\x{4}-\x{4}-\x{12}"),
    near("papertrail-token", &["papertrail"], r"\a{20}").check(very_random),
    near("pagerduty-key", &["pagerduty", "pager_duty", "pd_api"], r"[\w+\-]{20}").check(very_random),
    near("pagerduty-integration-key", &["pagerduty", "routing_key"], r"\x{32}"),
    near("opsgenie-key", &["opsgenie"], r"\x{8}-\x{4}-\x{4}-\x{4}-\x{12}"),
    near("pingdom-token", &["pingdom"], r"[\w\-]{64,87}").check(very_random),
    near("uptimerobot-key", &["uptimerobot"], r"u\d{5,8}-\x{24}"),
    near("statuspage-key", &["statuspage"], r"\x{8}-\x{4}-\x{4}-\x{4}-\x{12}"),
    near("lightstep-token", &["lightstep"], r"[\a+/]{60,}={0,2}").check(very_random),
    token(
        "tailscale-key",
        &["tskey-auth-", "tskey-api-", "tskey-client-", "tskey-scim-", "tskey-webhook-"],
        r"\a{10,20}-\a{20,40}",
    ),
    near("ngrok-token", &["ngrok"], r"\a{27}_\a{20,24}"),
    near("zerotier-token", &["zerotier"], r"\a{32}").check(very_random),
    token("defined-networking-key", &["dnkey-"], r"[\w\-]{26}-[\w\-]{52}"),
    token("netbird-token", &["nbp_"], r"\a{36}"),
    token("vault-token", &["hvs."], r"[\w\-]{24,}"),
    token("vault-batch-token", &["hvb."], r"[\w\-]{24,}"),
    token("vault-recovery-token", &["hvr."], r"[\w\-]{24,}"),
    near("vault-old-token", &["vault_token", "vault-token"], r"s.\a{24}"),
    near("vault-unseal-key", &["unseal_key"], r"[\a+/]{43,44}={0,1}"),
    token("doppler-personal-token", &["dp.pt."], r"\a{40,44}"),
    token("doppler-service-token", &["dp.st."], r"[\w.\-]{40,80}"),
    token("doppler-cli-token", &["dp.ct."], r"\a{40,44}"),
    token("doppler-service-account-token", &["dp.sa."], r"\a{40,44}"),
    token("doppler-scim-token", &["dp.scim.", "dp.audit."], r"\a{40,44}"),
    token("infisical-token", &["st."], r"\x{24}.\x{32}.\x{32}"),
    token("onepassword-service-token", &["ops_eyJ"], r"[\w\-]{200,}={0,2}").check(encoded_json),
    token("onepassword-secret-key", &["A3-"], "[A-Z0-9]{6}-[A-Z0-9]{6}-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}"),
    near("bitwarden-token", &["bws_access", "bitwarden"], r"0.\x{8}-\x{4}-\x{4}-\x{4}-\x{12}.\a{30}:[\a+/]{22}=="),
    token("postgres-url", &["postgres://", "postgresql://", "postgresql+asyncpg://", "postgresql+psycopg2://"], LOGIN)
        .check(password_of_address),
    token("mysql-url", &["mysql://", "mariadb://", "mysql+pymysql://", "mysql2://"], LOGIN).check(password_of_address),
    token("mongodb-url", &["mongodb://", "mongodb+srv://"], LOGIN).check(password_of_address),
    token("redis-url", &["redis://", "rediss://", "valkey://"], LOGIN).check(password_of_address),
    token("amqp-url", &["amqp://", "amqps://"], LOGIN).check(password_of_address),
    token("sqlserver-url", &["mssql://", "sqlserver://", "mssql+pyodbc://"], LOGIN).check(password_of_address),
    token("clickhouse-url", &["clickhouse://", "clickhouses://"], LOGIN).check(password_of_address),
    token("nats-url", &["nats://"], LOGIN).check(password_of_address),
    token("smtp-url", &["smtp://", "smtps://", "imaps://", "imap://"], LOGIN).check(password_of_address),
    token("ldap-url", &["ldap://", "ldaps://"], LOGIN).check(password_of_address),
    token("ftp-url", &["ftp://", "ftps://", "sftp://"], LOGIN).check(password_of_address),
    token("url-password", &["://"], LOGIN).check(password_of_address),
    token("connection-string-password", &[";Password=", ";password=", "; Password=", ";PWD=", ";Pwd=", ";pwd="], PARAMETER)
        .check(password_of_address),
    token("database-url-password", &["?password=", "&password="], PARAMETER).check(password_of_address),
    token("basic-auth-header", &["Basic ", "basic "], r"([\a+/\-_]{8,}={0,2})").check(encoded_login),
    token("bearer-token", &["Bearer ", "bearer "], r"([\w+/.\-~]{20,}={0,2})").check(very_random),
    near("docker-registry-login", &["\"auth\""], r"[\a+/]{8,}={0,2}").check(encoded_login),
    token(
        "netrc-password",
        &["machine "],
        r"[^\s]{1,128}[\s]{1,8}login[\s]{1,8}[^\s]{1,64}[\s]{1,8}password[\s]{1,8}([^\s]{4,128})",
    )
    .check(after_login),
    token(
        "curl-login",
        &["curl -u ", "curl --user ", "curl -s -u ", "curl -sS -u ", "wget --user "],
        r#"["']{0,1}[^\s:"'/]{1,64}:([^\s"']{4,128})"#,
    )
    .check(password_of_address),
    token("sshpass-password", &["sshpass -p ", "sshpass -p"], r#"["']{0,1}([^\s"']{4,128})"#).check(password_of_address),
    token("mysql-password-option", &["mysql -u", "mysqldump -u"], r#" {0,1}\w{1,32} -p([^\s"']{4,128})"#)
        .check(password_of_address),
    near("ansible-become-password", &["ansible_become_pass", "ansible_ssh_pass", "ansible_password"], r#"[^\s"'{}<>$]{4,128}"#)
        .check(always),
];

/// What follows `password` in a line of a `.netrc` is one only if it is no word of prose.
fn after_login(found: crate::secrets::check::Match<'_>) -> bool {
    crate::secrets::assignment::is_password(found.rest)
}
