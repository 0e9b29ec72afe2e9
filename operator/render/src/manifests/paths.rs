//! Where the pods find their files.

/// The folder of the ConfigMap.
pub(crate) const CONFIG_DIR: &str = "/etc/skreaver";
/// The key of the RuntimeConfig.
pub(crate) const CONFIG_KEY: &str = "config.json";
/// The key of the policy bundle.
pub(crate) const POLICIES_KEY: &str = "policies.json";
/// The key of the key sets of issuers.
pub(crate) const KEY_SETS_KEY: &str = "keys.json";
/// The folder of the API keys.
pub(crate) const API_KEYS_DIR: &str = "/var/run/secrets/skreaver-api-keys";
/// The folder of the secrets: keys of models, the URL of the memory server, and the token for the control channel.
pub(crate) const SECRETS_DIR: &str = "/var/run/secrets/skreaver";
/// The file of the token for the control channel.
pub(crate) const TOKEN_FILE: &str = "token";
/// The folder of memory in files: a volume of the agent's own.
pub(crate) const DATA_DIR: &str = "/var/lib/skreaver";
/// The agent's own directory, in which tools of files work.
pub(crate) const FILES_DIR: &str = "/files";
