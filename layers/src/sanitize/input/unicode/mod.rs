//! Characters that need a decision, joiners that letters need, and normalisation.

mod joiners;
mod normal;
mod oddity;

pub(super) use joiners::drop_stray_joiners;
pub(super) use normal::{compose, compose_name};
pub(super) use oddity::{Oddity, begins_oddity, has_right_to_left, is_blank};
