//! Models of providers where those are not built in (feature `models`): none can be reached.

use std::sync::Arc;

use skreaver_model::Model;
use skreaver_protocol::config::ModelConfig;

/// Nothing to reach models with.
#[derive(Default)]
pub(crate) struct Http(());

pub(super) fn configured(config: &ModelConfig, _: &Http) -> Result<Arc<dyn Model>, String> {
    let name = &config.name;
    Err(format!("model `{name}`: this program was built without providers; build it with the cargo feature `models`"))
}
