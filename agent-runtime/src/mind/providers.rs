//! Models of providers, as a configuration names them.

use std::sync::{Arc, OnceLock};

use skreaver_model::{Key, Model, Proxies};
use skreaver_protocol::config::ModelConfig;

use crate::secrets::Watched;

/// A model as its configuration names it. Its key is read again when it changes.
pub(super) fn configured(config: &ModelConfig, http: &Http) -> Result<Arc<dyn Model>, String> {
    let secret = config.api_key.clone().map(Watched::new);
    let key: Key = Arc::new(move || secret.as_ref().map(Watched::get).transpose());
    skreaver_model::model(config, key, http.client()?).map_err(|error| format!("model `{}`: {error}", config.name))
}

/// The HTTP client of all models, made when the first one is: its trusted authorities take some memory.
#[derive(Default)]
pub(crate) struct Http(OnceLock<reqwest::Client>);

impl Http {
    fn client(&self) -> Result<&reqwest::Client, String> {
        if self.0.get().is_none() {
            let client = skreaver_model::http_client(Proxies::Ignored).map_err(|error| error.to_string())?;
            self.0.get_or_init(|| client);
        }
        Ok(self.0.get().expect("it was just made"))
    }
}
