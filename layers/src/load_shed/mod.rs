//! load_shed
