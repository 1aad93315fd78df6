//! request_id
