//! Log events, where the feature `tracing` is on. Without it the compiler reads them and nobody is told.

#[cfg(feature = "tracing")]
#[allow(unused_imports, reason = "not every build logs at every level")]
pub(crate) use tracing::{debug, error, info, warn};

#[cfg(not(feature = "tracing"))]
mod untold {
    /// Takes what a log event takes, so that what is only logged is still used.
    macro_rules! event {
        ($($fields:tt)*) => { if false { $crate::trace::read!($($fields)*); } };
    }

    macro_rules! read {
        () => {};
        ($message:literal) => {};
        ($name:ident = % $value:expr $(, $($rest:tt)*)?) => { let _ = &$value; $crate::trace::read!($($($rest)*)?) };
        ($name:ident = ? $value:expr $(, $($rest:tt)*)?) => { let _ = &$value; $crate::trace::read!($($($rest)*)?) };
        ($name:ident = $value:expr $(, $($rest:tt)*)?) => { let _ = &$value; $crate::trace::read!($($($rest)*)?) };
        (% $name:ident $(, $($rest:tt)*)?) => { let _ = &$name; $crate::trace::read!($($($rest)*)?) };
        (? $name:ident $(, $($rest:tt)*)?) => { let _ = &$name; $crate::trace::read!($($($rest)*)?) };
        ($name:ident $(, $($rest:tt)*)?) => { let _ = &$name; $crate::trace::read!($($($rest)*)?) };
    }

    pub(crate) use {event, read};
}

#[cfg(not(feature = "tracing"))]
#[allow(unused_imports, reason = "not every build logs at every level")]
pub(crate) use untold::{event as debug, event as error, event as info, event as warn, read};
