//! Spans and events at a level that is known at run time.

/// The target of span and event, for filters; the module paths below it may change.
pub const TARGET: &str = "portcullis_layers::trace";

/// Calls `span!` or `event!` at a level that is no constant, by one call site per level.
macro_rules! at_level {
    ($level:expr, $make:ident!($($fields:tt)*)) => {
        match $level {
            tracing::Level::ERROR => tracing::$make!(target: TARGET, tracing::Level::ERROR, $($fields)*),
            tracing::Level::WARN => tracing::$make!(target: TARGET, tracing::Level::WARN, $($fields)*),
            tracing::Level::INFO => tracing::$make!(target: TARGET, tracing::Level::INFO, $($fields)*),
            tracing::Level::DEBUG => tracing::$make!(target: TARGET, tracing::Level::DEBUG, $($fields)*),
            tracing::Level::TRACE => tracing::$make!(target: TARGET, tracing::Level::TRACE, $($fields)*),
        }
    };
}
pub(super) use at_level;
